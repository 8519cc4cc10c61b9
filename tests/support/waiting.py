"""Waiting for what another thread or process does, which can only be looked at."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 30.0


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look until it is so; a test that waits too long fails."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)
