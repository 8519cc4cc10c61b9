"""The role-capacity report over HTTP, never kept from before, against its query alone."""

import asyncio
import statistics
import time
from itertools import combinations, islice

import uvloop

from interfaces.settings import Settings
from projections.database import open_read_models, reading
from projections.role_capacity import Question, role_capacity_report
from tests.bench.http import CONNECTIONS, connected, environment, serving
from tests.bench.measuring import ROUNDS, Figure, Report
from tests.bench.planning import FIRST_WEEK, ROLES, planning_seed
from tests.bench.planning_hours import seed
from tests.bench.role_capacity import weeks_asked
from tests.bench.stores import Stores
from tests.support.programs import PROGRAM

ASSIGNMENTS, WEEKS_EACH, WEEKS, DEPARTMENT = 3_000, 26, 12, 7
ASKED_EACH = 12
# 32 reports a second from all together: so many that they meet, and no queue grows.
PAUSE_SECONDS = 0.5
BAR_MS = 5.0


def report_http(report: Report, stores: Stores) -> None:
    """Ask by 16 connections, each time for other roles, so that no answer is there already."""
    for kind in ("pg", "sqlite"):
        settings = stores.settings(kind)
        seed(settings, planning_seed(ASSIGNMENTS, WEEKS_EACH))
        roles = list(combinations(range(1, ROLES + 1), 2))
        over_http, alone = [], []
        with serving([*PROGRAM[1:], "serve"], environment(settings)) as port:
            for number in range(ROUNDS):
                begin = number * CONNECTIONS * ASKED_EACH
                some = roles[begin : begin + CONNECTIONS * ASKED_EACH]
                over_http.append(statistics.median(uvloop.run(_asked(port, some))))
                alone.append(statistics.median(_queried(settings, some)))
        p50, query = statistics.median(over_http), statistics.median(alone)
        report.add(
            Figure(
                name=f"role_capacity_http_p50_16_{kind}",
                ours=p50,
                theirs=query,
                ratio=p50 - query,
                unit="ms",
                against="its query; the ratio is the difference in ms",
                bar=BAR_MS,
                at_most=True,
                note=f"{CONNECTIONS} connections, {CONNECTIONS / PAUSE_SECONDS:.0f} reports/s",
            )
        )


async def _asked(port: int, roles: list[tuple[int, int]]) -> list[float]:
    """Return the milliseconds of each answer."""
    times_ms: list[float] = []

    async def connection(number: int) -> None:
        client = await connected(port)
        await asyncio.sleep(number * PAUSE_SECONDS / CONNECTIONS)
        for first, second in islice(roles, number, None, CONNECTIONS):
            path = (
                f"/v1/reports/role-capacity?weeks={WEEKS}&department={DEPARTMENT}"
                f"&start={FIRST_WEEK}&role_ids={first},{second}"
            )
            begun = time.perf_counter()
            status = await client.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            times_ms.append(1_000 * (time.perf_counter() - begun))
            assert status == 200, status
            await asyncio.sleep(PAUSE_SECONDS)
        client.close()

    await asyncio.gather(*(connection(number) for number in range(CONNECTIONS)))
    return times_ms


def _queried(settings: Settings, roles: list[tuple[int, int]]) -> list[float]:
    times_ms: list[float] = []
    engine = open_read_models(settings.views_url, read_only=True)
    with reading(engine).connect() as connection:
        for role_ids in roles:
            question = Question(
                weeks=weeks_asked(WEEKS), department_id=DEPARTMENT, role_ids=role_ids
            )
            begun = time.perf_counter()
            with connection.begin():
                role_capacity_report(connection, question=question)
            times_ms.append(1_000 * (time.perf_counter() - begun))
    engine.dispose()
    return times_ms
