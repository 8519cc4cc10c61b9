"""What a process knows of keys is never too old, and a use is not a write."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from interfaces.access_log import AccessLog
from interfaces.key_ring import KeyRing
from interfaces.reads import Reads
from interfaces.settings import Settings
from projections import access_records
from projections.database import open_read_models
from tests.support.keys import MadeKey, beside, make_key, revoke_key
from tests.support.programs import Program
from tests.support.servers import running, settings_in

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


class Ticking:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)


@asynccontextmanager
async def ring_of(settings: Settings, ticking: Ticking) -> AsyncIterator[KeyRing]:
    reads = Reads(open_read_models(settings.views_url, read_only=True), threads=1, waiting=5)
    try:
        yield KeyRing(reads, fresh_seconds=0.25, clock=ticking.now, monotonic=ticking)
    finally:
        reads.close()


def why(ring: KeyRing, key: MadeKey) -> str:
    return ring.turn(key.secret.encode()).why or "open"


def test_a_revocation_counts_with_the_first_look_after_it(tmp_path: Path) -> None:
    settings, ticking = settings_in(tmp_path), Ticking()
    key = make_key(settings)

    async def turned() -> tuple[str, str, str]:
        async with ring_of(settings, ticking) as ring:
            await ring.refresh()
            before = why(ring, key)
            await asyncio.to_thread(revoke_key, settings, key)
            # The negative control: without another look it would open for ever.
            within = why(ring, key)
            assert ring.is_fresh
            ticking.seconds += 0.25
            assert not ring.is_fresh  # so no request goes by it any more
            await ring.refresh()
            return before, within, why(ring, key)

    assert asyncio.run(turned()) == ("open", "open", "key-revoked")


def test_age_is_counted_from_the_beginning_of_a_look(tmp_path: Path) -> None:
    """A look that takes long shows what was true when it began."""
    settings, ticking = settings_in(tmp_path), Ticking()
    make_key(settings)

    async def looked() -> bool:
        async with ring_of(settings, ticking) as ring:
            read = ring._reads.run

            async def slowly(*arguments: Any) -> Any:
                found = await read(*arguments)
                ticking.seconds += 1
                return found

            ring._reads.run = slowly  # type: ignore[method-assign, assignment] # only the time it takes
            await ring.refresh()
            return ring.is_fresh

    assert asyncio.run(looked()) is False


def test_many_who_ask_share_one_look(tmp_path: Path) -> None:
    settings, ticking = settings_in(tmp_path), Ticking()
    make_key(settings)

    async def looks() -> int:
        async with ring_of(settings, ticking) as ring:
            count = 0
            look = ring._look

            async def counted() -> None:
                nonlocal count
                count += 1
                await look()

            ring._look = counted  # type: ignore[method-assign] # counted, and done all the same
            await asyncio.gather(*(ring.refresh() for _ in range(50)))
            return count

    assert asyncio.run(looks()) == 1


def test_one_that_gives_up_waiting_takes_nobody_along(tmp_path: Path) -> None:
    settings, ticking = settings_in(tmp_path), Ticking()
    key = make_key(settings)

    async def turned() -> str:
        async with ring_of(settings, ticking) as ring:
            impatient = asyncio.create_task(ring.refresh())
            await asyncio.sleep(0)
            patient = asyncio.create_task(ring.refresh())
            await asyncio.sleep(0)
            impatient.cancel()
            await patient
            return why(ring, key)

    assert asyncio.run(turned()) == "open"


def test_a_key_ends_by_the_clock_without_another_look(tmp_path: Path) -> None:
    settings, ticking = settings_in(tmp_path), Ticking()
    key = make_key(settings, at=NOW, expires_at=NOW + timedelta(hours=1))

    async def turned() -> list[str]:
        async with ring_of(settings, ticking) as ring:
            await ring.refresh()
            before = why(ring, key)
            ticking.seconds = 3600
            return [before, why(ring, key)]

    assert asyncio.run(turned()) == ["open", "key-expired"]


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_when_the_command_returns_no_server_takes_the_key(
    tmp_path: Path, store: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if store == "postgres" else ""
    settings = settings_in(tmp_path, database_url=url)
    program = Program(tmp_path, url)
    with running(settings, projector="process") as live:
        made = MadeKey(*_create(program))
        assert live.client.get("/v1/lines").status_code == 401
        assert live.client.get("/v1/lines", headers=made.headers).status_code == 200
        program.ok("keys", "revoke", str(made.key_id), "--reason", "lost")
        assert live.client.get("/v1/lines", headers=made.headers).status_code == 401


def test_it_would_take_it_if_it_looked_less_often_than_the_command_waits(tmp_path: Path) -> None:
    """The negative control: it is the bound that makes the command's word true."""
    program = Program(tmp_path)
    with running(settings_in(tmp_path, keys_fresh_seconds=60)) as live:
        made = MadeKey(*_create(program))
        live.service.keys._fresh_until = 0  # the look at the first request
        assert live.client.get("/v1/lines", headers=made.headers).status_code == 200
        program.ok("keys", "revoke", str(made.key_id), "--reason", "lost")
        assert live.client.get("/v1/lines", headers=made.headers).status_code == 200


def _create(program: Program) -> tuple[Any, str]:
    made = json.loads(program.ok("keys", "create", "--owner", "x", "--scope", "read", "--json"))
    return made["key_id"], made["secret"]


def test_uses_are_stored_at_most_once_a_minute(tmp_path: Path) -> None:
    settings, ticking = settings_in(tmp_path), Ticking()
    key_id = make_key(settings).key_id
    engine = open_read_models(settings.views_url)
    statements: list[str] = []
    event.listen(
        engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )

    async def use(times: int, *, each_seconds: float) -> None:
        for _ in range(times):
            log.used(key_id)
            ticking.seconds += each_seconds
        await log._store()

    log = AccessLog(engine, refusals_kept=10, clock=ticking.now)

    async def used() -> list[int]:
        counts = []
        for times, each_seconds in ((1000, 0.05), (1, 0), (1, 60), (1, 0)):
            await use(times, each_seconds=each_seconds)
            counts.append(sum("key_uses" in each for each in statements))
        await log.close()
        return counts

    assert asyncio.run(used()) == [1, 1, 1, 2]
    with engine.connect() as connection:
        assert access_records.last_uses(connection) == {
            str(key_id): NOW + timedelta(seconds=110),
        }
    engine.dispose()


def test_a_flood_of_refusals_is_bounded_in_memory_and_in_the_table(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    beside(settings, _nothing)
    engine = open_read_models(settings.views_url)

    async def flood() -> None:
        log = AccessLog(engine, refusals_kept=10, clock=lambda: NOW)
        for number in range(5_000):
            log.refused(
                reason="key-missing",
                route=f"GET /{number}",
                key_id="",
                client_address="::1",
                request_id=UUID(int=number),
            )
        assert len(log._refusals) == 1_000
        await log.close()

    asyncio.run(flood())
    with engine.connect() as connection:
        found = access_records.newest_refusals(connection, limit=100)
    assert [each.route for each in found] == [
        f"GET /{number}" for number in range(4_999, 4_989, -1)
    ]
    engine.dispose()


async def _nothing(service: Any) -> None:
    return None
