"""Following the ledger in a thread of its own, until it is stopped or only people can help."""

import threading
from collections.abc import Callable
from math import inf
from time import monotonic

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from projections.log import Log
from projections.positions import Positions
from projections.turns import Turn

BUSY_PAGE_EVENTS = 16
WAIT_SECONDS = 1.0
# How soon one who stands by finds the lease free.
STAND_BY_SECONDS = 0.1
SHORTEST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS = 0.05, 5.0

_log = structlog.get_logger(__name__)


class Follower:
    """Takes one step after the other while there is something to apply and the turn is ours."""

    def __init__(
        self,
        step: Callable[[int], bool],
        *,
        log: Log,
        turn: Turn,
        positions: Positions,
        page_events: int,
        pause_seconds: float,
    ) -> None:
        """Follow by `step`, which gets the size of a page and returns whether there may be more."""
        self.failure = ""  # what stands in the way now
        self._step, self._log, self._turn, self._positions = step, log, turn, positions
        self.pace(page_events=page_events, pause_seconds=pause_seconds)
        self._stopping = threading.Event()
        self._hurried = threading.Event()
        self._wanted = 0  # the furthest position that somebody waited for
        self._applied_at = -inf  # the last page, by the monotonic clock
        self._head: int | None = None  # of the ledger, when it was last looked for
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs; it ends by `stop`, or by a failure that only people can mend."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Follow the ledger in a thread until `stop`."""
        if self.alive:
            raise RuntimeError("The projector is running already")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow, name="projector", daemon=True)
        self._thread.start()

    def pace(self, *, page_events: int, pause_seconds: float) -> None:
        """Say how large pages are, and how long the pauses between them."""
        self._page_events, self._pause_seconds = page_events, pause_seconds

    def hurry(self, position: int) -> None:
        """Take no breath before a position is shown: somebody waits for it."""
        self._wanted = max(self._wanted, position)
        self._hurried.set()

    def stop(self) -> None:
        """End the thread when the page in its hands is committed, and give the lease back."""
        self._stopping.set()
        self._hurried.set()
        self._log.wake()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        back_off_seconds = SHORTEST_BACK_OFF_SECONDS
        while not self._stopping.is_set():
            try:
                self._follow_on()
                self.failure, back_off_seconds = "", SHORTEST_BACK_OFF_SECONDS
            except (ConnectionError, OperationalError, InterfaceError) as error:
                self._lost(error)
                self._stopping.wait(back_off_seconds)
                back_off_seconds = min(2 * back_off_seconds, LONGEST_BACK_OFF_SECONDS)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    return self._give_up(error)
                self._lost(error)
            except Exception as error:
                return self._give_up(error)
        self._leave()

    def _follow_on(self) -> None:
        if not self._turn.taken():
            self._positions.forget()  # another moves them now
            self._stopping.wait(STAND_BY_SECONDS)
            return
        before = self._positions.least()
        more = self._step(self._page_events)
        if self._positions.least() > before:
            self._breathe(before, more)
        if not more:
            self._log.wait(self._positions.least(), WAIT_SECONDS)

    def _breathe(self, before: int, more: bool) -> None:
        """Under load let the next page grow, for a large one costs little an event.

        A lone write is shown without a breath before it. Where somebody waits, or one catches up
        with a ledger that stands still, none is taken.
        """
        now, position = monotonic(), self._positions.least()
        soon = now - self._applied_at < self._pause_seconds
        busy = soon or position - before >= BUSY_PAGE_EVENTS
        if busy and position >= self._wanted and not (more and self._ledger_stands_still()):
            self._hurried.wait(self._pause_seconds)
        self._hurried.clear()
        self._applied_at = now

    def _ledger_stands_still(self) -> bool:
        before, self._head = self._head, self._log.head()
        return before is None or before == self._head

    def _lost(self, error: Exception) -> None:
        self.failure = str(error)
        self._positions.forget()
        self._turn.lose()
        _log.warning("the projector lost its database and tries again", error=str(error))

    def _give_up(self, error: Exception) -> None:
        self.failure = str(error)
        _log.error("the projector has stopped", error=str(error), exc_info=error)
        self._positions.wake_all()
        self._leave()

    def _leave(self) -> None:
        try:
            self._turn.give_back()
        except (ConnectionError, DBAPIError) as error:  # then it lapses
            _log.warning("the projector could not give its lease back", error=str(error))
