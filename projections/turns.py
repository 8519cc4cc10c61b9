"""Whose turn it is to follow: one runner writes, the others stand by until its lease ends.

Whoever else writes rows or moves positions, such as a rebuild, seizes the lease first: the runner
then finds its writes refused, stands by, and goes on when the lease is given back.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from projections.database import fence, reading
from projections.leases import (
    TTL_SECONDS,
    Lease,
    LeaseHeld,
    acquire,
    held_by_another,
    release,
    renew,
    this_process,
)
from projections.projection import Projection

FOLLOWING = "following"  # the name of the lease


class Turn:
    """One runner's right to write to some projections, renewed while it is used."""

    def __init__(
        self, engine: Engine, projections: Sequence[Projection], *, ttl_seconds: float = TTL_SECONDS
    ) -> None:
        self.standing_by: LeaseHeld | None = None  # who has the lease that we wait for
        self._engine, self._projections = engine, tuple(projections)
        self._ttl_seconds = ttl_seconds
        self._lease: Lease | None = None
        self._last_epoch = 0
        self._renew_at = 0.0
        self._taking = threading.Lock()  # a thread that follows, and one that catches up

    @property
    def epoch(self) -> int:
        """The epoch that writes must name; 0, which none may, while it is not our turn."""
        lease = self._lease
        return 0 if lease is None else lease.epoch

    def taken(self) -> bool:
        """Take the lease if it can be had, renew it when it is time; return whether it is ours."""
        with self._taking:
            lease = self._lease
            if lease is not None and time.monotonic() >= self._renew_at:
                self._renewed(lease)
            return self._lease is not None or self._take()

    def lose(self) -> None:
        """Look anew whose turn it is: a write was refused."""
        self._lease = None

    def give_back(self) -> None:
        """Let others take over at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with self._engine.begin() as connection:
                release(connection, lease)

    def _take(self) -> bool:
        started_at = time.monotonic()
        found = self._found()
        if isinstance(found, LeaseHeld):
            self.standing_by = found
            return False
        self.standing_by = None
        self._lease, self._last_epoch = found, found.epoch
        self._renew_at = started_at + found.renew_seconds
        return True

    def _found(self) -> Lease | LeaseHeld:
        # Whoever stands by asks often, and must not wait for the leader's write to be refused.
        with reading(self._engine).connect() as connection:
            held = held_by_another(connection, FOLLOWING, mine=self._last_epoch)
        if held is not None:
            return held
        with self._engine.begin() as connection:
            return take_following(
                connection, self._projections, ttl_seconds=self._ttl_seconds, mine=self._last_epoch
            )

    def _renewed(self, lease: Lease) -> None:
        started_at = time.monotonic()
        with self._engine.begin() as connection:
            if renew(connection, lease):
                self._renew_at = started_at + lease.renew_seconds
            else:
                self._lease = None


def take_following(
    connection: Connection,
    projections: Sequence[Projection],
    *,
    ttl_seconds: float = TTL_SECONDS,
    mine: int = 0,
    seize: bool = False,
) -> Lease | LeaseHeld:
    """Acquire the lease, and have the writes of all earlier epochs refused from this commit on."""
    found = acquire(
        connection,
        FOLLOWING,
        holder=this_process(),
        ttl_seconds=ttl_seconds,
        mine=mine,
        seize=seize,
    )
    if isinstance(found, Lease):
        fence(connection, projections, epoch=found.epoch)
    return found


@contextmanager
def paused(
    engine: Engine, projections: Sequence[Projection], *, ttl_seconds: float = TTL_SECONDS
) -> Iterator[Lease]:
    """Seize the lease, so that whoever follows stands by until the end of the block.

    A page under way is committed first. Work that may last longer than the lease renews it, and
    writes under the epoch of the lease, for the case that it did not.
    """
    with engine.begin() as connection:
        lease = take_following(connection, projections, ttl_seconds=ttl_seconds, seize=True)
    assert isinstance(lease, Lease)  # seizing is never refused
    try:
        yield lease
    finally:
        with engine.begin() as connection:
            release(connection, lease)
