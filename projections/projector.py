"""The projector: it keeps every read model at the head of the ledger, on either store.

A page of events is folded in memory and written with its position in one transaction. One runner
does so at a time, by a lease; the position moves only from where it was found and only under the
lease's epoch. So an event is never applied twice, and a runner that was paused does no harm.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine

from projections.building import DEFAULT_BUDGET_BYTES, Manner, Tell
from projections.database import create_tables, reading
from projections.folding import Rulebook
from projections.follower import Follower
from projections.leases import TTL_SECONDS, Holder, LeaseStatus
from projections.log import Log
from projections.pages import Pages
from projections.parking import ParkedEvent, parked_of
from projections.positions import Positions
from projections.projection import Projection, Touched, chosen_of
from projections.projection import UnknownProjection as UnknownProjection
from projections.rebuilding import rebuild_here, tell_nobody
from projections.retrying import Retried, retry_parked
from projections.statuses import ProjectionStatus, projection_statuses, runners
from projections.turns import Turn
from projections.verifying import Verification, verify, verify_deep

PAGE_EVENTS = 2_000
# Beside a live server pages are small and breaths are taken, or the event loop would wait for us.
LIVE_PAGE_EVENTS = 200
LIVE_PAUSE_SECONDS = 0.0005
# How long one who needs what another runner must apply bears to see nothing move.
STALLED_SECONDS = 30.0

_log = structlog.get_logger(__name__)


class AheadOfLog(RuntimeError):
    """A read model has seen what the ledger no longer holds: an older backup was restored."""

    def __init__(self, position: int, head: int) -> None:
        self.position, self.head = position, head
        super().__init__(
            f"The read models are at position {position}, the ledger ends at {head}; rebuild them"
        )


class NotFollowed(RuntimeError):
    """The runner that holds the lease does not get on."""

    def __init__(self, holder: Holder, position: int, wanted: int) -> None:
        self.holder, self.position, self.wanted = holder, position, wanted
        super().__init__(
            f"The read models stand at position {position}, before {wanted}: {holder} follows the "
            f"ledger and got no further in {STALLED_SECONDS:.0f} s"
        )


class Projector:
    """Runs projections over a log; `catch_up` in the caller's thread, or `start` in its own.

    Every callable in `on_applied` gets, after each commit, the position and the rows that were
    touched, by table name and key (None: deleted). It runs in the projector's thread, must be
    quick, and must leave the rows as they are.
    """

    def __init__(
        self,
        log: Log,
        engine: Engine,
        projections: Sequence[Projection],
        *,
        page_events: int = PAGE_EVENTS,
        live_page_events: int = LIVE_PAGE_EVENTS,
        live_pause_seconds: float = LIVE_PAUSE_SECONDS,
        lease_seconds: float = TTL_SECONDS,
    ) -> None:
        """Make or renew the tables. Raises MissingRule."""
        for projection in projections:
            projection.check()
        self.on_applied: list[Callable[[int, Touched], object]] = []
        self._log, self._engine, self._projections = log, engine, tuple(projections)
        self._page_events = page_events
        self._pages = Pages(engine, self._projections)
        self._rulebooks: dict[tuple[str, ...], Rulebook] = {}
        self._turn = Turn(engine, self._projections, ttl_seconds=lease_seconds)
        self._positions = Positions(
            engine, self._projections, moved_here=lambda: self.alive and self._turn.epoch > 0
        )
        self._follower = Follower(
            self._step,
            log=log,
            turn=self._turn,
            positions=self._positions,
            page_events=live_page_events,
            pause_seconds=live_pause_seconds,
        )
        self._stepping = threading.Lock()
        create_tables(engine, self._projections)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all projections."""
        return self._positions.names

    # Following.

    def catch_up(self, *, up_to: int | None = None) -> int:
        """Apply everything up to the head as it is now, and return the position reached.

        While another runner holds the lease, wait until that one has passed the position. With
        `up_to` stop there, or, if what was appended together spans it, at the last end before.

        What cannot be applied is parked. Raises AheadOfLog and NotFollowed.
        """
        self._positions.forget()
        furthest = max(self.positions().values(), default=0)
        head = self._log.head()  # read last: whoever runs beside us may be further than it was
        if furthest > head:
            raise AheadOfLog(furthest, head)
        target = head if up_to is None else self._log.last_group_end(min(up_to, head))
        try:
            self._reach(target)
        finally:
            if not self.alive:
                self._turn.give_back()
        return target

    def _reach(self, target: int) -> None:
        give_up_at = time.monotonic() + STALLED_SECONDS
        while (position := min(self.positions().values(), default=target)) < target:
            if self._turn.taken():
                self._step(self._page_events, target)
                continue
            time.sleep(
                self._positions.poll_seconds
            )  # what another process does can only be looked for
            if min(self._positions.read().values()) > position:
                give_up_at = time.monotonic() + STALLED_SECONDS
            elif time.monotonic() > give_up_at and (held := self._turn.standing_by) is not None:
                raise NotFollowed(held.holder, position, target)

    def _step(self, page_events: int, limit: int | None = None) -> bool:
        """Apply the next page to those furthest behind. Return whether there may be more."""
        with self._stepping:
            self._pages.begin(self._turn.epoch)  # before anything else is read
            positions = self._positions.now()
            after = min(positions.values())
            behind = [each for each in self._projections if positions[each.name] == after]
            ends = [position for position in positions.values() if position > after]
            if limit is not None:
                ends.append(limit)
            up_to = min([after + page_events, *ends])
            rulebook = self._rulebook(behind)
            page = self._log.page(after, up_to)
            if up_to in ends:
                reached = up_to
            elif page:
                reached = page[-1][0]
                if reached == up_to and (end := self._log.group_end(up_to)) > up_to:
                    page += self._log.page(up_to, end)  # a command shows whole or not at all
                    reached = end
            else:
                head = self._log.head()
                if head < after:
                    raise AheadOfLog(after, head)
                if head == after:
                    return False
                reached = min(up_to, head)
                page = self._log.page(after, reached)
            rows = self._pages.apply(rulebook, page, after, reached)
            if rows is None:  # it is another runner's turn by now
                self._positions.forget()
                self._turn.lose()
                return True
            self._positions.move([each.name for each in behind], reached)
            self._tell(reached, {table.name: found for table, found in rows.items() if found})
            # What came since the page was read has woken us, or will: no need to look again.
            return reached >= up_to

    def _rulebook(self, projections: list[Projection]) -> Rulebook:
        names = tuple(each.name for each in projections)
        if names not in self._rulebooks:
            self._rulebooks[names] = Rulebook(projections)
        return self._rulebooks[names]

    def _tell(self, position: int, touched: Touched) -> None:
        for listener in self.on_applied:
            try:
                listener(position, touched)
            except Exception:
                # What is applied is applied; a listener that fails must not stop the others.
                _log.exception("a listener to the projector failed", position=position)

    def retry(self, name: str, *, position: int | None = None, skip: bool = False) -> Retried:
        """Apply a parked event of a projection (no position: all) and what waits with it.

        Whatever fails again stays parked. With `skip` the event itself is left out for good.
        Raises UnknownProjection, NotParked and Overtaken.
        """
        (projection,) = self._chosen([name])
        retried = retry_parked(
            self._engine,
            self._pages.writes,
            self._projections,
            projection,
            position=position,
            skip=skip,
        )
        rows = {table.name: found for table, found in retried.rows.items() if found}
        if rows:
            self._tell(self._positions.read()[name], rows)
        return retried

    def parked(self, names: Sequence[str] = ()) -> list[ParkedEvent]:
        """Return what projections (none named: all) have parked, in the order of the log."""
        chosen = [each.name for each in self._chosen(names)]
        with reading(self._engine).connect() as connection:
            return parked_of(connection, chosen)

    def verify(self, names: Sequence[str] = (), *, deep: bool = False) -> list[Verification]:
        """Compare projections (none named: all) with the log; if `deep`, their rows as well.

        Raises UnknownProjection and Overtaken.
        """
        chosen = self._chosen(names)
        if not deep:
            return verify(self._log, self._engine, chosen)

        def catch_up(engine: Engine, position: int) -> None:
            Projector(self._log, engine, chosen).catch_up(up_to=position)

        return verify_deep(self._log, self._engine, self._projections, chosen, catch_up)

    def _chosen(self, names: Sequence[str]) -> list[Projection]:
        return chosen_of(self._projections, names)

    # Running in a thread of its own.

    @property
    def alive(self) -> bool:
        """Whether the thread runs; it ends by `stop`, or by a failure that only people can mend."""
        return self._follower.alive

    @property
    def failure(self) -> str:
        """What stands in the thread's way now, for the person who looks at /readyz."""
        return self._follower.failure

    def start(self) -> None:
        """Follow the ledger in a thread until `stop`."""
        self._follower.start()

    def hurry(self, position: int) -> None:
        """Let the thread take no breath before a position is shown: somebody waits for it."""
        self._follower.hurry(position)

    def live(self, *, page_events: int, pause_seconds: float) -> None:
        """Say how large pages are, and how long the pauses between them, in the thread."""
        self._follower.pace(page_events=page_events, pause_seconds=pause_seconds)

    def stop(self) -> None:
        """End the thread when the page in its hands is committed, and give the lease back."""
        self._follower.stop()

    # Positions, and waiting for them.

    def positions(self) -> dict[str, int]:
        """Return how far each projection is known to have come."""
        return dict(self._positions.now())

    def look_every(self, seconds: float) -> None:
        """Say how often `passed` looks while others run the projector."""
        self._positions.poll_seconds = seconds

    def told(self, position: int) -> None:
        """Take another process's word that all projections have come to a position."""
        self._positions.told(position)

    def has_passed(self, position: int) -> bool:
        """Return whether all projections are known to have passed a position; looks nowhere."""
        return self._positions.have_passed(self.names, position)

    async def passed(
        self, position: int, *, timeout_seconds: float, names: Sequence[str] = ()
    ) -> bool:
        """Return True as soon as projections (none named: all) have passed a position.

        False when time is up. Right as well when another process runs the projector.
        """
        return await self._positions.passed_in_time(
            position, names, timeout_seconds=timeout_seconds
        )

    # Looking, and rebuilding.

    def status(self, *, clock: Callable[[], datetime]) -> list[ProjectionStatus]:
        """Return how far each projection is, by name; unused positions count as lag."""
        return projection_statuses(self._log, self._engine, self._projections, clock=clock)

    def runners(self) -> list[LeaseStatus]:
        """Return who follows, with the age of the heartbeat, and who holds any other lease."""
        return runners(self._engine)

    def rebuild(
        self,
        names: Sequence[str] = (),
        *,
        tell: Tell = tell_nobody,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
    ) -> int:
        """Make projections (none named: all) anew beside the live ones, switch, and catch up.

        Raises UnknownProjection, EventFailed and RebuildRefused with nothing changed.
        """
        manner = Manner(budget_bytes=budget_bytes)
        rebuild_here(self._log, self._engine, self._projections, names, manner=manner, tell=tell)
        return self.catch_up()
