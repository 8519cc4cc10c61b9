"""A runner in a process of its own, which stops between reading a page and writing it.

`python -m tests.support.following_worker LEDGER VIEWS LEASE_SECONDS guarded|unguarded` says
"read" when it has read a page, waits for a line, and says "applied" or "refused".
"""

import sys
from typing import Any

from sqlalchemy import select

from application.ledger.reader import LedgerLog
from projections import pages
from projections.database import open_read_models, projection_positions, reading
from projections.page_writes import Move
from projections.projector import Projector
from projections.supplier_capacity import supplier_capacity
from tests.support.ledgers import log_at


class _Held:
    """The log; whoever has read a page waits for a line before it goes on."""

    def __init__(self, log: LedgerLog) -> None:
        self._log = log
        self.stopped = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    def page(self, after: int, up_to: int) -> list[Any]:
        page = self._log.page(after, up_to)
        if page and not self.stopped:
            self.stopped = True
            print("read", flush=True)
            sys.stdin.readline()
        return page


def _main(ledger: str, views: str, lease_seconds: float, guarded: bool) -> None:
    log = log_at(ledger)
    held: Any = _Held(log)  # it has the log's methods by delegation, which no type checker sees
    engine = open_read_models(views)
    follower = Projector(held, engine, (supplier_capacity,), lease_seconds=lease_seconds)
    if not guarded:
        _take_the_guard_out(engine)
    applied: list[int] = []
    follower.on_applied.append(lambda position, _: applied.append(position))
    assert follower._turn.taken()
    follower._step(1_000)
    print("applied" if applied else "refused", flush=True)
    sys.stdin.readline()


def _take_the_guard_out(engine: Any) -> None:
    """Let every write name the epoch that is asked for, whosever it is."""

    def unguarded(*values: Any) -> Move:
        with reading(engine).connect() as connection:
            epoch = connection.scalars(select(projection_positions.c.epoch)).one()
        return Move(*values)._replace(epoch=epoch)

    vars(pages)["Move"] = unguarded


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4] == "guarded")
