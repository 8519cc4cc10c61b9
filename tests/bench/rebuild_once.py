"""Rebuild the supplier projections once, in a process of its own; print speed and memory."""

import asyncio
import json
from pathlib import Path

from interfaces.service import open_service
from interfaces.settings import Settings
from tests.bench.measuring import stopwatch


async def _main() -> dict[str, float]:
    settings = Settings()
    async with open_service(settings) as service:
        before = _peak_kilobytes()
        with stopwatch() as elapsed:
            position = service.projector.rebuild(budget_bytes=settings.rebuild_budget_bytes)
            seconds = elapsed()
        after = _peak_kilobytes()
    return {"rate": position / seconds, "memory_mb": (after - before) / 1024}


def _peak_kilobytes() -> int:
    """Return the largest resident memory so far; `getrusage` would count the parent's too."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main())))
