"""`make bench`: every figure of the project, as ratios taken in one run.

Usage: python -m tests.bench [NAME...]; without names all of them. Writes build/bench.json.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    append,
    auditing,
    drop_in,
    http,
    past,
    planning,
    planning_hours,
    reading,
    rebuilding,
    rebuilding_beside,
    report_http,
    role_capacity,
    streaming,
    views,
    workflow,
)
from tests.bench.measuring import Figure, Report, idle_probe
from tests.bench.stores import Stores, bench_stores

BENCHMARKS: dict[str, Callable[[Report, Stores], None]] = {
    "append_pg": append.append_pg,
    "append_sqlite": append.append_sqlite,
    "beside": reading.append_beside_projector,
    "http": http.http_bookings,
    "rebuild": rebuilding.rebuilds,
    "rebuild_all": rebuilding_beside.rebuild_all,
    "rebuild_writes": rebuilding_beside.writes_beside_rebuild,
    "rebuild_switch": rebuilding_beside.switch_hold,
    "read": reading.reads,
    "match": reading.match_100k,
    "chain": auditing.chain,
    "drop_in_pg": drop_in.drop_in_pg,
    "drop_in_sqlite": drop_in.drop_in_sqlite,
    "workflow": workflow.workflow_10k,
    "sse": streaming.streams,
    "as_of_report": past.as_of_report,
    "import_780k": planning.imports,
    "hours_write": planning_hours.hours_write,
    "role_capacity": role_capacity.reports,
    "role_capacity_http": report_http.report_http,
    "role_capacity_small": role_capacity.small_reports,
    "views": views.views,
}


def main(names: list[str]) -> None:
    """Run the benchmarks named, or all."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"No benchmark is called {unknown[0]}; there are: {', '.join(BENCHMARKS)}")
    report = Report()
    before = idle_probe()
    with bench_stores() as stores:
        for name in names or BENCHMARKS:
            BENCHMARKS[name](report, stores)
    after = idle_probe()
    report.add(
        Figure("idle_probe", before, after, before / after, "k steps/s", "the same afterwards", 1)
    )
    report.write(Path("build/bench.json"))


if __name__ == "__main__":
    main(sys.argv[1:])
