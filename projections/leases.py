"""Leases: of several processes that could do a piece of work, one does, until it stops saying so.

Time decides only who may begin. What keeps a runner that was paused, and believes that it still
leads, from writing is the epoch: it rises with each new holder, and every write names its own.
"""

import os
import socket
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Table,
    Text,
    Update,
    select,
    text,
    update,
)

from projections.database import BOOKKEEPING, metadata, now_us
from projections.rows import upsert_into

# Long enough for a busy machine, short enough to wait for: a holder renews four times in it.
TTL_SECONDS = 10.0
RENEWALS = 4

projection_leases = Table(
    "projection_leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("renewed_at_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),  # 0: given back
    info=BOOKKEEPING,
)


class Holder(NamedTuple):
    """Who holds a lease: a process, named so that a person can find it."""

    host: str
    machine: str  # this start of this machine and its process ids; empty: unknown
    pid: int
    started_at_us: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Lease(NamedTuple):
    """The right to work, which others respect for a while; the epoch says whose turn it is."""

    name: str
    epoch: int
    ttl_seconds: float

    @property
    def renew_seconds(self) -> float:
        """How often its holder renews it."""
        return self.ttl_seconds / RENEWALS


class LeaseHeld(NamedTuple):
    """Somebody else has the lease, for so long unless it is renewed."""

    name: str
    holder: Holder
    left_seconds: float


class LeaseStatus(NamedTuple):
    """A lease as it stands; the ages are by the clock of the database."""

    name: str
    epoch: int
    holder: Holder
    heartbeat_seconds: float  # since it was last renewed
    left_seconds: float  # 0: lapsed, or given back

    @property
    def held(self) -> bool:
        """Whether anybody holds it now."""
        return self.left_seconds > 0


@cache
def this_process() -> Holder:
    """Return this process as a holder."""
    return Holder(socket.gethostname(), _machine(), os.getpid(), time.time_ns() // 1_000)


def acquire(
    connection: Connection,
    name: str,
    *,
    holder: Holder,
    ttl_seconds: float = TTL_SECONDS,
    mine: int = 0,
    seize: bool = False,
) -> Lease | LeaseHeld:
    """Take a lease that is free, lapsed, held by a dead process or by epoch `mine`; or any: seize.

    Who takes it must, in the same transaction, put the epoch where its writes will look for it.
    """
    if connection.dialect.name == "postgresql":
        # A crash of the server must not forget that an epoch was given away.
        connection.execute(text("SET LOCAL synchronous_commit TO on"))
    _make(connection, name)
    found = _found(connection, name, lock=True)[0]
    if not seize and (held := _held(found, mine)):
        return held
    now = now_us(connection)
    connection.execute(
        update(projection_leases)
        .where(projection_leases.c.name == name)
        .values(
            **holder._asdict(),
            epoch=found.epoch + 1,
            renewed_at_us=now,
            until_us=now + _us(ttl_seconds),
        )
    )
    return Lease(name, found.epoch + 1, ttl_seconds)


def renew(connection: Connection, lease: Lease) -> bool:
    """Say that the work goes on; False when another has taken the lease."""
    now = now_us(connection)
    renewed = connection.execute(
        _of(lease).values(renewed_at_us=now, until_us=now + _us(lease.ttl_seconds))
    )
    return renewed.rowcount == 1


def release(connection: Connection, lease: Lease) -> None:
    """Give a lease back, so that nobody has to wait; quiet when another has taken it."""
    connection.execute(_of(lease).values(until_us=0))


def held_by_another(connection: Connection, name: str, *, mine: int = 0) -> LeaseHeld | None:
    """Look, without taking it, whether somebody else has a lease."""
    found = _found(connection, name, lock=False)
    return _held(found[0], mine) if found else None


def lease_statuses(connection: Connection, name: str | None = None) -> list[LeaseStatus]:
    """Return every lease that was ever taken, or one, by name."""
    return _found(connection, name, lock=False)


def _of(lease: Lease) -> Update:
    return update(projection_leases).where(
        projection_leases.c.name == lease.name, projection_leases.c.epoch == lease.epoch
    )


def _make(connection: Connection, name: str) -> None:
    nobody = Holder("", "", 0, 0)._asdict()
    row = {"name": name, "epoch": 0, "renewed_at_us": 0, "until_us": 0} | nobody
    insert = upsert_into(connection, projection_leases)
    connection.execute(insert.values(row).on_conflict_do_nothing())


def _found(connection: Connection, name: str | None, *, lock: bool) -> list[LeaseStatus]:
    columns = projection_leases.c
    found = select(*columns, now_us(connection).label("now_us")).order_by(columns.name)
    if name is not None:
        found = found.where(columns.name == name)
    if lock:  # SQLite has locked the whole file by now
        found = found.with_for_update()
    return [
        LeaseStatus(
            row.name,
            row.epoch,
            Holder(row.host, row.machine, row.pid, row.started_at_us),
            heartbeat_seconds=max(0, row.now_us - row.renewed_at_us) / 1e6,
            left_seconds=max(0, row.until_us - row.now_us) / 1e6,
        )
        for row in connection.execute(found)
    ]


def _held(found: LeaseStatus, mine: int) -> LeaseHeld | None:
    if not found.held or found.epoch == mine or _is_gone(found.holder):
        return None
    return LeaseHeld(found.name, found.holder, found.left_seconds)


def _is_gone(holder: Holder) -> bool:
    """Return whether a holder is known to have died; a doubt is for time to settle."""
    here = this_process()
    if not holder.machine or (holder.host, holder.machine) != (here.host, here.machine):
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, as somebody else
        return False
    return False


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _us(seconds: float) -> int:
    return int(seconds * 1e6)
