"""The end of a rebuild: the new version closes in on the live one, is compared, and takes over.

Rounds of pages bring it near while everything goes on; for the last step the follower stands by,
so that there is a last step however fast events arrive.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, update

from projections.beside import Copy, RebuildRefused, name_beside
from projections.building import Tell
from projections.catching_up import PAGE_POSITIONS, catch_up
from projections.comparing import Differences, compare, touching_events
from projections.database import projection_positions, reading
from projections.leases import Lease, renew
from projections.left_out import LeftOut
from projections.projection import Projection
from projections.switching import Live, Moved, check_paused, switch
from projections.turns import paused
from projections.workers import Sources

MOST_ROUNDS = 10
MOST_PAUSES = 3
# Nobody follows who is so far behind: what is live is of no use, and the head is what is wanted.
FAR_POSITIONS = 100_000
PAUSE_SECONDS = 60.0  # how long the follower stands by if we die, and nobody sees that we did


class Wish(NamedTuple):
    """What is to become of a version that is built."""

    verify: bool = False
    switch: bool | None = None  # None: unless it was verified and differs
    until: int | None = None  # build up to there, and leave it there
    only: tuple[str, str] | None = None  # replace the live rows with this column and value


class LiveBehind(RebuildRefused):
    """The live rows show less than the new ones, so the two cannot be compared."""

    def __init__(self, name: str, live: int, built: int) -> None:
        self.name = name
        super().__init__(
            f"Projection {name} is live at position {live}, the new version is at {built}: "
            "run its projector first, then verify"
        )


class OtherShape(RebuildRefused):
    """The live version has other rules, so that its rows cannot be compared or mixed with ours."""

    def __init__(self, name: str, live: int, ours: int) -> None:
        self.name = name
        super().__init__(
            f"Projection {name} is live at version {live}, the new one has {ours}: their rows "
            "cannot be compared or mixed; switch without it"
        )


class Closed(NamedTuple):
    """How it ended."""

    copies: tuple[Copy, ...]
    switched: bool
    differences: tuple[Differences, ...]


class Closing:
    """Brings versions that are ready to the position of the live ones, and to their end."""

    def __init__(
        self,
        sources: Sources,
        projections: Sequence[Projection],
        wish: Wish,
        tell: Tell,
        *,
        left_out: LeftOut,
    ) -> None:
        self._sources, self._projections = sources, {each.name: each for each in projections}
        self._wish, self._tell, self._left_out = wish, tell, left_out

    @property
    def _engine(self) -> Engine:
        return self._sources.engine

    def stop(self) -> int:
        """Return up to where to fold: as far as the live version is, unless it is far behind.

        Were the new one further, a transaction that began before the switch would find the new
        rows with the old position on PostgreSQL, where names are looked up as they are now.
        """
        head = self._sources.log.head()
        if self._wish.until is not None:
            return self._sources.log.last_group_end(min(self._wish.until, head))
        live = min([head, *(each.position for each in self._live().values())])
        is_followed = self._wish.verify or head - live <= FAR_POSITIONS
        return live if is_followed else head

    def close(self, mine: Sequence[Copy]) -> Closed:
        """Do with versions what is wished. Raises RebuildRefused, with nothing changed live."""
        if self._wish.until is not None:
            return Closed(tuple(mine), switched=False, differences=())
        mine = self._near(mine)
        for attempt in range(1, MOST_PAUSES + 1):
            try:
                done = self._close_in_pause(mine)
                break
            except Moved:  # another pause has ended ours
                if attempt == MOST_PAUSES:
                    raise
        else:  # pragma: no cover - the loop ends by break or by an error
            raise AssertionError("unreachable")
        differences = tuple(self._with_events(each) for each in done.differences)
        return done._replace(differences=differences)

    # Closing in.

    def _near(self, mine: Sequence[Copy]) -> list[Copy]:
        mine = list(mine)
        for _ in range(MOST_ROUNDS):
            goal = self.stop()
            if all(goal - copy.position <= PAGE_POSITIONS for copy in mine):
                break
            mine = [self._brought_to(copy, goal) for copy in mine]
        return mine

    def _brought_to(self, copy: Copy, position: int) -> Copy:
        """Bring one version up to a position, unless it is there or further."""
        begun = copy.position
        (brought,) = catch_up(
            self._sources.log,
            self._engine,
            [self._projections[copy.name]],
            [copy],
            up_to=position,
            left_out=self._left_out,
            progress=lambda now: self._tell("following", now - begun, position - begun),
        )
        return brought

    # While the follower stands by.

    def _close_in_pause(self, mine: Sequence[Copy]) -> Closed:
        with paused(self._engine, self._sources.projections, ttl_seconds=PAUSE_SECONDS) as pause:
            with self._engine.begin() as connection:
                self._fence_all_versions(connection, pause)
            live, head = self._live(), self._sources.log.head()
            mine = [self._brought_to(copy, min(live[copy.name].position, head)) for copy in mine]
            differences = self._compared(mine, live, pause) if self._wish.verify else ()
            switched = self._is_to_be_switched(differences)
            if switched:
                self._tell("switching", 0, 1)
                if self._wish.only is None:
                    switch(self._engine, mine, pause)
                else:
                    self._replace_rows(mine, live, pause)
                self._tell("switching", 1, 1)
        return Closed(tuple(mine), switched, differences)

    def _is_to_be_switched(self, differences: Sequence[Differences]) -> bool:
        if self._wish.switch is None:
            return not any(each.rows for each in differences)
        return self._wish.switch

    def _fence_all_versions(self, connection: Connection, pause: Lease) -> None:
        # A program of another version may be following: its writes are refused too.
        columns = projection_positions.c
        connection.execute(
            update(projection_positions)
            .where(columns.name.in_(list(self._projections)))
            .values(epoch=pause.epoch)
        )

    def _compared(
        self, mine: Sequence[Copy], live: dict[str, Live], pause: Lease
    ) -> tuple[Differences, ...]:
        found = []
        for done, copy in enumerate(mine):
            self._tell("comparing", done, len(mine))
            self._check_comparable(copy, live[copy.name])
            with reading(self._engine).connect() as connection:
                found.append(
                    compare(
                        connection,
                        self._projections[copy.name],
                        copy.place,
                        position=copy.position,
                    )
                )
            with self._engine.begin() as connection:
                renew(connection, pause)
        self._tell("comparing", len(mine), len(mine))
        return tuple(found)

    def _check_comparable(self, copy: Copy, live: Live) -> None:
        if copy.version != live.version:
            raise OtherShape(copy.name, live.version, copy.version)
        if copy.position != live.position:
            raise LiveBehind(copy.name, live.position, copy.position)

    def _replace_rows(self, mine: Sequence[Copy], live: dict[str, Live], pause: Lease) -> None:
        """Put the new rows with one value of a column in the place of the live ones with it."""
        assert self._wish.only is not None
        column, value = self._wish.only
        with self._engine.begin() as connection:
            for copy in mine:
                self._check_comparable(copy, live[copy.name])
                check_paused(connection, copy, pause)
                for table in self._projections[copy.name].rows:
                    beside = name_beside(table.name, copy.place)
                    names = ", ".join(each.name for each in table.columns)
                    connection.execute(table.delete().where(table.c[column] == value))
                    connection.exec_driver_sql(
                        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {beside}"  # noqa: S608 - our own names
                        f" WHERE {column} = {_mark(connection)}",
                        (value,),
                    )
            # What the follower remembers of the old rows is not to be written over the new.
            connection.execute(
                update(projection_positions)
                .where(projection_positions.c.name.in_(list(self._projections)))
                .values(epoch=0)
            )

    # Looking.

    def _live(self) -> dict[str, Live]:
        columns = projection_positions.c
        with reading(self._engine).connect() as connection:
            found = connection.execute(
                select(
                    columns.name,
                    columns.version,
                    columns.position,
                    columns.applied_events,
                    columns.applied_digest,
                ).where(columns.name.in_(list(self._projections)))
            )
            return {row.name: Live(*row[1:]) for row in found}

    def _with_events(self, found: Differences) -> Differences:
        if not found.rows:
            return found
        projection = self._projections[found.projection]
        return Differences(
            found.projection,
            found.position,
            found.tables,
            touching_events(self._sources.log, projection, found),
        )


def _mark(connection: Connection) -> str:
    return "%s" if connection.dialect.name == "postgresql" else "?"
