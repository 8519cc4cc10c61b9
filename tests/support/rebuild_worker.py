"""A rebuild in a process of its own, which says how far it is, and may be killed anywhere.

`python -m tests.support.rebuild_worker LEDGER VIEWS FOLDER JOBS [PROJECTION]` prints a line
for each step of its work, and at the end "done". Windows and checkpoints are small, so that there
are many steps.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from projections import parts
from projections.building import Manner, Stage
from projections.catalogue import PROJECTIONS
from projections.database import open_read_models
from projections.rebuilding import rebuild
from projections.supplier_capacity import supplier_capacity
from projections.workers import Sources
from tests.support.ledgers import log_at

WINDOW_POSITIONS, CHECKPOINT_POSITIONS = 20, 60
ROWS_IN_TRANSACTION = 5


@contextmanager
def open_bare(ledger: str, views: str, name: str = supplier_capacity.name) -> Iterator[Sources]:
    """Open a log and one read model of it, by the database's URL or the path of the file."""
    (projection,) = [each for each in PROJECTIONS if each.name == name]
    log = log_at(ledger)
    engine = open_read_models(views)
    try:
        yield Sources(log, engine, (projection,))
    finally:
        log.close()
        engine.dispose()


def _say(stage: Stage, done: int, total: int) -> None:
    print(stage, done, total, flush=True)


def _main(ledger: str, views: str, folder: str, jobs: int, *name: str) -> None:
    vars(parts)["WINDOW_POSITIONS"] = WINDOW_POSITIONS
    vars(parts)["SQLITE_ROWS_IN_TRANSACTION"] = ROWS_IN_TRANSACTION
    manner = Manner(
        folder=Path(folder),
        jobs=jobs,
        checkpoint_positions=CHECKPOINT_POSITIONS,
        budget_bytes=2**17,
    )
    rebuild(partial(open_bare, ledger, views, *name), manner=manner, tell=_say)
    print("done", flush=True)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), *sys.argv[5:])
