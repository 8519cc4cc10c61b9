"""Who works on the versions beside: one process for each projection, until it ends or dies."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from projections.beside import RebuildRefused
from projections.leases import Holder, Lease, LeaseHeld, acquire, release, renew, this_process

# A lapsed lease lets another begin; what then keeps two apart is the epoch of every write.
TTL_SECONDS = 30.0

_log = structlog.get_logger(__name__)


class RebuildUnderWay(RebuildRefused):
    """Another process builds, switches or drops a projection now."""

    def __init__(self, name: str, holder: Holder) -> None:
        self.name, self.holder = name, holder
        super().__init__(f"Projection {name} is being rebuilt by {holder}; wait for it, or end it")


@contextmanager
def held(engine: Engine, names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Hold the right to work beside these projections; yield the epoch of each.

    Raises RebuildUnderWay. The right is renewed by a thread, however long a statement takes.
    """
    leases = _acquired(engine, sorted(names))
    ended = threading.Event()
    renewing = threading.Thread(
        target=_renew_until, args=(engine, leases, ended), name="rebuild-lease", daemon=True
    )
    renewing.start()
    try:
        yield {name: lease.epoch for name, lease in leases.items()}
    finally:
        ended.set()
        renewing.join()
        with engine.begin() as connection:
            for lease in leases.values():
                release(connection, lease)


def _acquired(engine: Engine, names: Sequence[str]) -> dict[str, Lease]:
    leases = {}
    with engine.begin() as connection:  # all of them or none
        for name in names:
            found = acquire(
                connection, f"rebuilding {name}", holder=this_process(), ttl_seconds=TTL_SECONDS
            )
            if isinstance(found, LeaseHeld):
                raise RebuildUnderWay(name, found.holder)
            leases[name] = found
    return leases


def _renew_until(engine: Engine, leases: dict[str, Lease], ended: threading.Event) -> None:
    seconds = min(lease.renew_seconds for lease in leases.values())
    while not ended.wait(seconds):
        try:
            with engine.begin() as connection:
                for lease in leases.values():
                    renew(connection, lease)
        except DBAPIError as error:  # whoever takes it over meanwhile is found out by the epoch
            _log.warning("the lease of a rebuild was not renewed", error=str(error))
