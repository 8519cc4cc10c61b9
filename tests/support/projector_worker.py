"""A projector in a process of its own, to be killed: `... LEDGER VIEWS` follows until then."""

import sys
import threading

from projections.database import open_read_models
from projections.projector import Projector
from projections.supplier_capacity import supplier_capacity
from tests.support.ledgers import log_at


def _main(ledger: str, views: str) -> None:
    log = log_at(ledger)
    projector = Projector(log, open_read_models(views), (supplier_capacity,), live_page_events=3)
    projector.start()
    print("following", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    _main(*sys.argv[1:])
