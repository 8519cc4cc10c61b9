"""Rebuild all projections once, in a process of its own; print speed and memory.

`python -m tests.bench.rebuild_once [JOBS]`. The memory is that of this process alone, so it is
measured with one job.
"""

import json
import sys
from pathlib import Path

from interfaces.rebuilding import RebuildRequest, run_rebuild
from interfaces.settings import Settings
from tests.bench.measuring import stopwatch


def _main(jobs: int) -> dict[str, float]:
    before = _peak_kilobytes()
    with stopwatch() as elapsed:
        rebuilt = run_rebuild(Settings(), RebuildRequest(jobs=jobs), lambda *_: None)
        seconds = elapsed()
    position = max(rebuilt.positions.values())
    return {
        "rate": position / seconds,
        "position": position,
        "memory_mb": (_peak_kilobytes() - before) / 1024,
    }


def _peak_kilobytes() -> int:
    """Return the largest resident memory so far; `getrusage` would count the parent's too."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)))
