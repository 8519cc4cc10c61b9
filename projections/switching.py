"""Switching: a version beside becomes the live one, in one transaction and without a mixture.

The follower must stand by meanwhile, which every switch makes sure of: it takes the position from
where it was found and under the epoch of the pause only.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, delete, inspect, select, text, update
from sqlalchemy.exc import OperationalError

from projections.beside import (
    Copy,
    RebuildRefused,
    add_copies,
    check_copies,
    copies,
    drop_copies,
    name_beside,
    projection_copies,
)
from projections.database import now_us, projection_positions
from projections.leases import Lease
from projections.parking import note_parked, parked_of, unpark

# Readers that come while the lock is waited for wait as long, so it is asked for again and again.
LOCK_MILLISECONDS = 40
PAUSE_SECONDS = 0.06
GIVE_UP_SECONDS = 30.0
POLL_SECONDS = 0.005
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for a lock_timeout that is over


class ReadersInTheWay(RebuildRefused):
    """Somebody has read for too long: switching would make all others wait for it."""

    def __init__(self, who: str) -> None:
        super().__init__(
            f"The switch has waited {GIVE_UP_SECONDS:g} s for {who}; the new version is kept, "
            "switch to it later"
        )


class Moved(RebuildRefused):
    """The live projection has moved on although it was paused; nothing was switched."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Projection {name} has moved on during the switch; try again")


class Live(NamedTuple):
    """The live version of a projection, and how far it has come."""

    version: int
    position: int
    applied_events: int
    applied_digest: int


def switch(engine: Engine, chosen: Sequence[Copy], pause: Lease) -> None:
    """Make versions live that show at least the position of the live ones, which are kept.

    Raises ReadersInTheWay, Moved and Overtaken, and nothing has changed then.
    """
    if engine.dialect.name != "postgresql":
        with engine.begin() as connection:
            _exchange_all(connection, chosen, pause)
        return
    _wait_for_earlier_transactions(engine)
    give_up_at = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}"))
                _exchange_all(connection, chosen, pause)
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != LOCK_NOT_AVAILABLE:
                raise
            if time.monotonic() > give_up_at:
                raise ReadersInTheWay("those who read its tables") from error
            time.sleep(PAUSE_SECONDS)


def _exchange_all(connection: Connection, chosen: Sequence[Copy], pause: Lease) -> None:
    check_copies(connection, chosen)
    live = {copy.name: check_paused(connection, copy, pause) for copy in chosen}
    existing = set(inspect(connection).get_table_names())
    for copy in chosen:
        if copy.place == "next":
            drop_copies(connection, copies(connection, "before", [copy.name]).values())
    _lock(connection, [name for copy in chosen for name in copy.table_names if name in existing])
    for copy in chosen:
        _exchange(connection, copy, [name for name in copy.table_names if name in existing])
        _enter(connection, copy, live[copy.name], existing)


def check_paused(connection: Connection, copy: Copy, pause: Lease) -> Live:
    """Return what is live, and see that nobody can have moved it since the pause. Raises Moved."""
    columns = projection_positions.c
    found = connection.execute(
        select(columns.version, columns.position, columns.applied_events, columns.applied_digest)
        .where(columns.name == copy.name, columns.epoch == pause.epoch)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise Moved(copy.name)
    return Live(*found)


def _lock(connection: Connection, names: Sequence[str]) -> None:
    # All at once and last: from here on readers wait, and nobody sees some of them renamed.
    if names and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")


def _exchange(connection: Connection, copy: Copy, existing: Sequence[str]) -> None:
    for name in copy.table_names:
        chosen = name_beside(name, copy.place)
        if name in existing:
            before = name_beside(name, "before")
            if chosen == before:  # the two change places
                chosen = f"{name}__aside"
                _rename(connection, before, chosen)
            _rename(connection, name, before)
        _rename(connection, chosen, name)


def _enter(connection: Connection, copy: Copy, live: Live, existing: set[str]) -> None:
    columns = projection_copies.c
    connection.execute(
        delete(projection_copies).where(columns.name == copy.name, columns.place == copy.place)
    )
    tables = [name for name in copy.table_names if name in existing]
    kept = replace(
        copy,
        place="before",
        state="incomplete" if _take_over_parked(connection, copy) else "ready",
        rebuild_id=uuid4().hex,
        tables=" ".join(tables),
        **live._asdict(),
    )
    add_copies(connection, [kept])
    _place(connection, copy)


def _take_over_parked(connection: Connection, copy: Copy) -> bool:
    """Forget what was parked for the rows that go, as the new ones show it; return if any was."""
    waiting = [each.position for each in parked_of(connection, [copy.name])]
    unpark(connection, copy.name, [each for each in waiting if each <= copy.position])
    note_parked(connection, [copy.name])
    return bool(waiting)


def _rename(connection: Connection, name: str, to: str) -> None:
    connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {to}")


def _place(connection: Connection, copy: Copy) -> None:
    """Let the live position be that of the new rows; whoever followed must begin anew."""
    connection.execute(
        update(projection_positions)
        .where(projection_positions.c.name == copy.name)
        .values(
            version=copy.version,
            position=copy.position,
            updated_at_us=now_us(connection),
            epoch=0,
            applied_events=copy.applied_events,
            applied_digest=copy.applied_digest,
            verified_at_us=None,  # it was not these rows that were verified
            verified_position=None,
        )
    )


# PostgreSQL looks names up as they are now, but rows as they were when a transaction began. Who
# began before the last rows were written beside would find the new tables without them; so nobody
# of those may be left when the names change.

_TRANSACTIONS = text(
    "SELECT pg_locks.virtualxid, pg_stat_activity.pid, pg_stat_activity.xact_start"
    " FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE pg_locks.locktype = 'virtualxid' AND pg_stat_activity.datname = current_database()"
    " AND pg_stat_activity.backend_type = 'client backend'"
    " AND pg_stat_activity.pid <> pg_backend_pid()"
)


def _wait_for_earlier_transactions(engine: Engine) -> None:
    waiting = _transactions(engine)
    give_up_at = time.monotonic() + GIVE_UP_SECONDS
    while waiting:
        if time.monotonic() > give_up_at:
            pids = ", ".join(str(pid) for pid in sorted(set(waiting.values())))
            raise ReadersInTheWay(f"the transaction of the server's process {pids}")
        time.sleep(POLL_SECONDS)
        now = _transactions(engine)
        waiting = {each: pid for each, pid in waiting.items() if each in now}


def _transactions(engine: Engine) -> dict[str, int]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return {row.virtualxid: row.pid for row in connection.execute(_TRANSACTIONS)}
