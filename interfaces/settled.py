"""How a process that serves for long is settled when its start-up is over."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What is alive after start-up stays for ever: looking through it at every full collection cost
# 30 to 45 ms at the 99th percentile.
_COLLECT_AFTER = (50_000, 20, 100)
# How long one thread may keep the interpreter from another. Python's default of 5 ms is felt by
# every command beside a few reports, and by the thread that writes SQLite: with 0.1 ms it stores
# lists of bookings half as fast again.
_SWITCH_SECONDS = 0.0001


@contextmanager
def settled() -> Iterator[None]:
    """Tune garbage collection and thread switching, and put both back at the end.

    In a process that somebody has settled already nothing is looked through, frozen or thawed.
    """
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    first = not gc.get_freeze_count()
    if first:
        gc.collect()
        gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        if first:
            gc.unfreeze()
