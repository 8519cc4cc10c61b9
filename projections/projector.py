"""The projector: it keeps every read model at the head of the ledger, on either store.

A page of events is folded in memory and written with its position in one transaction. One runner
does so at a time, by a lease; the position moves only from where it was found and only under the
lease's epoch. So an event is never applied twice, and a runner that was paused does no harm.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from projections.building import DEFAULT_BUDGET_BYTES, Manner, Tell
from projections.database import create_tables, read_positions, reading
from projections.folding import Rulebook
from projections.leases import TTL_SECONDS, Holder, LeaseStatus
from projections.log import Log
from projections.pages import Pages
from projections.parking import ParkedEvent, parked_of
from projections.projection import Projection, Touched, chosen_of
from projections.projection import UnknownProjection as UnknownProjection
from projections.rebuilding import rebuild_here, tell_nobody
from projections.retrying import Retried, retry_parked
from projections.statuses import ProjectionStatus, projection_statuses, runners
from projections.turns import Turn
from projections.verifying import Verification, verify, verify_deep
from projections.waiting import KnownPositions

PAGE_EVENTS = 2_000
# Beside a live server pages are small and breaths are taken, or the event loop would wait for us.
LIVE_PAGE_EVENTS = 200
LIVE_PAUSE_SECONDS = 0.0005
BUSY_PAGE_EVENTS = 16
WAIT_SECONDS = 1.0
POLL_SECONDS = 0.02
# How soon one who stands by finds the lease free; and how long one who needs what another runner
# must apply bears to see nothing move.
STAND_BY_SECONDS = 0.1
STALLED_SECONDS = 30.0
SHORTEST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS = 0.05, 5.0

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
        self.failure = ""  # what stands in the way now, for the person who looks at /readyz
        self.poll_seconds = POLL_SECONDS  # how often `passed` looks when others run the projector
        self._log, self._engine, self._projections = log, engine, tuple(projections)
        self._page_events = page_events
        self._live_page_events, self._live_pause_seconds = live_page_events, live_pause_seconds
        self._pages = Pages(engine, self._projections)
        self._rulebooks: dict[tuple[str, ...], Rulebook] = {}
        self._known = KnownPositions()
        self._turn = Turn(engine, self._projections, ttl_seconds=lease_seconds)
        self._stepping = threading.Lock()
        self._stopping = threading.Event()
        self._hurried = threading.Event()
        self._thread: threading.Thread | None = None
        create_tables(engine, self._projections)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all projections."""
        return tuple(each.name for each in self._projections)

    # Following.

    def catch_up(self, *, up_to: int | None = None) -> int:
        """Apply everything up to the head as it is now, and return the position reached.

        While another runner holds the lease, wait until that one has passed the position. With
        `up_to` stop there, or, if what was appended together spans it, at the last end before.

        What cannot be applied is parked. Raises AheadOfLog and NotFollowed.
        """
        self._known.forget()
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
            time.sleep(self.poll_seconds)  # what another process does can only be looked for
            if min(self._read_positions().values()) > position:
                give_up_at = time.monotonic() + STALLED_SECONDS
            elif time.monotonic() > give_up_at and (held := self._turn.standing_by) is not None:
                raise NotFollowed(held.holder, position, target)

    def _step(self, page_events: int, limit: int | None = None) -> bool:
        """Apply the next page to those furthest behind. Return whether there may be more."""
        with self._stepping:
            self._pages.begin(self._turn.epoch)  # before anything else is read
            positions = self._known_positions()
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
                self._known.forget()
                self._turn.lose()
                return True
            self._known.move([each.name for each in behind], reached)
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
            self._tell(self._read_positions()[name], rows)
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
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Follow the ledger in a thread until `stop`."""
        if self.alive:
            raise RuntimeError("The projector is running already")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow, name="projector", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Cut the thread's pause short: somebody waits for what it has not shown yet."""
        self._hurried.set()

    def live(self, *, page_events: int, pause_seconds: float) -> None:
        """Say how large pages are, and how long the pauses between them, in the thread."""
        self._live_page_events, self._live_pause_seconds = page_events, pause_seconds

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

    def _leave(self) -> None:
        try:
            self._turn.give_back()
        except (ConnectionError, DBAPIError) as error:  # then it lapses
            _log.warning("the projector could not give its lease back", error=str(error))

    def _follow_on(self) -> None:
        if not self._turn.taken():
            self._known.forget()  # another moves them now
            self._stopping.wait(STAND_BY_SECONDS)
            return
        before = min(self.positions().values())
        if self._step(self._live_page_events):
            # Under load a breath lets the next page grow, and a large page costs little an event;
            # a lone write is shown without one.
            if min(self.positions().values()) - before >= BUSY_PAGE_EVENTS:
                self._hurried.wait(self._live_pause_seconds)
            self._hurried.clear()
        else:
            self._log.wait(min(self.positions().values()), WAIT_SECONDS)

    def _lost(self, error: Exception) -> None:
        self.failure = str(error)
        self._known.forget()
        self._turn.lose()
        _log.warning("the projector lost its database and tries again", error=str(error))

    def _give_up(self, error: Exception) -> None:
        self.failure = str(error)
        _log.error("the projector has stopped", error=str(error), exc_info=error)
        self._known.wake_all()
        self._leave()

    # Positions, and waiting for them.

    def positions(self) -> dict[str, int]:
        """Return how far each projection is known to have come."""
        return dict(self._known_positions())

    async def passed(
        self, position: int, *, timeout_seconds: float, names: Sequence[str] = ()
    ) -> bool:
        """Return True as soon as projections (none named: all) have passed a position.

        False when time is up. Right as well when another process runs the projector.
        """
        asked = tuple(names) or self.names
        if self._known.have_passed(asked, position):
            return True
        try:
            async with asyncio.timeout(timeout_seconds):
                while not self._known.have_passed(asked, position):
                    await self._woken_or_seen(asked, position)
        except TimeoutError:
            return self._known.have_passed(asked, position)
        return True

    def told(self, position: int) -> None:
        """Take another process's word that all projections have come to a position."""
        known = self._known.known or {}
        self._known.set({name: max(position, known.get(name, 0)) for name in self.names})

    async def _woken_or_seen(self, names: tuple[str, ...], position: int) -> None:
        # The thread may end between the question and the entry: then looking finds it out.
        leads = self.alive and self._turn.epoch
        try:
            async with asyncio.timeout(WAIT_SECONDS if leads else self.poll_seconds):
                await self._known.passed(names, position)
        except TimeoutError:
            try:
                await asyncio.to_thread(self._read_positions)
            except (OperationalError, InterfaceError):  # it may be back before our time is up
                await asyncio.sleep(self.poll_seconds)

    def _known_positions(self) -> dict[str, int]:
        known = self._known.known
        return known if known is not None else self._read_positions()

    def _read_positions(self) -> dict[str, int]:
        with reading(self._engine).connect() as connection:
            positions = read_positions(connection, self._projections)
        self._known.set(positions)
        return positions

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
