"""Building a version beside the live one: begun, or taken up where a killed rebuild left it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import uuid4

from msgspec.structs import replace
from sqlalchemy import Connection, Table, delete

from projections.beside import (
    Copy,
    add_copies,
    change_copies,
    copies,
    create_beside,
    drop_copies,
)
from projections.completeness import Applied
from projections.derived_rows import DerivedRows, derive_share
from projections.indexing import Indexing
from projections.left_out import LeftOut
from projections.parts import (
    CHECKPOINT_POSITIONS,
    PartState,
    Plan,
    add_parts,
    copy_parts,
    fold_part,
    part_states,
)
from projections.projection import Projection, Share
from projections.spools import Spool, clear_spools
from projections.workers import Crew, OpenSources, Sources

# What a row costs in memory while it is folded, measured on matches with all details (about
# 550 bytes), and rounded up.
ROW_BYTES = 900
DEFAULT_BUDGET_BYTES = 256 * 2**20

Stage = Literal["reading", "deriving", "indexing", "following", "comparing", "switching"]
# What is being done, how much of it is done, and how much there is.
Tell = Callable[[Stage, int, int], object]


class Manner(NamedTuple):
    """How a version is built."""

    budget_bytes: int = DEFAULT_BUDGET_BYTES  # for the rows in memory, of all processes together
    jobs: int = 1
    folder: Path | None = None  # for what is folded so far; none: whoever is killed begins anew
    anew: bool = False  # whatever an earlier try has left
    checkpoint_positions: int = CHECKPOINT_POSITIONS


class Building:
    """One rebuild of some projections together, by whoever holds their leases."""

    def __init__(
        self,
        sources: Sources,
        projections: Sequence[Projection],
        epochs: dict[str, int],
        manner: Manner,
        *,
        left_out: LeftOut,
        tell: Tell,
    ) -> None:
        self._sources, self._projections, self._epochs = sources, tuple(projections), epochs
        self._manner, self._left_out, self._tell = manner, left_out, tell
        self._names = sorted(epochs)

    def built(self, stop: int, open_sources: OpenSources) -> list[Copy]:
        """Build up to `stop`, or go on with what an earlier try has left; return what is ready.

        Raises EventFailed, PartFailed and Overtaken; what is built so far is kept.
        """
        with Crew(self._sources, open_sources, jobs=self._manner.jobs) as crew:
            with self._sources.engine.begin() as connection:
                mine = self._left_behind(connection) or self._begun(connection, stop)
            if mine[0].state == "ready":
                return mine
            self._fold(mine, crew)
            self._derive_and_index(mine, crew)
        return self._made_ready(mine)

    def _left_behind(self, connection: Connection) -> list[Copy]:
        """Take over what an earlier try has left, or drop it; return nothing then."""
        found = list(copies(connection, "next", self._names).values())
        if not self._can_go_on(connection, found):
            drop_built(connection, found, self._manner.folder)
            return []
        taken = [replace(copy, epoch=self._epochs[copy.name]) for copy in found]
        for copy, mine in zip(found, taken, strict=True):
            change_copies(connection, [copy], epoch=mine.epoch)
        if found[0].state == "building":
            before, now = self._plan(found), self._plan(taken)
            for number, state in part_states(connection, now.rebuild_id).items():
                earlier, mine_now = before.spool(number), now.spool(number)
                if earlier and mine_now and not state.written:
                    mine_now.take_over(earlier, state.spooled_bytes)
        return taken

    def _can_go_on(self, connection: Connection, found: Sequence[Copy]) -> bool:
        versions = {each.name: each.version for each in self._projections}
        if self._manner.anew or {copy.name: copy.version for copy in found} != versions:
            return False
        if len({copy.rebuild_id for copy in found}) > 1:
            return all(copy.state == "ready" for copy in found)
        if found[0].state == "ready":
            return True
        plan = self._plan(found)
        states = part_states(connection, plan.rebuild_id)
        return len(states) == plan.parts and all(
            state.written or self._has_spool(plan.spool(number), state)
            for number, state in states.items()
        )

    def _has_spool(self, spool: Spool | None, state: PartState) -> bool:
        if spool is None:
            return not state.spooled_bytes
        return spool.holds(state.spooled_bytes)

    def _plan(self, mine: Sequence[Copy]) -> Plan:
        manner = self._manner
        return Plan(tuple(mine), self._left_out, manner.folder, manner.checkpoint_positions)

    def _begun(self, connection: Connection, stop: int) -> list[Copy]:
        rebuild_id, parts = uuid4().hex, self.parts(stop)
        begun = [
            Copy(
                name=each.name,
                place="next",
                version=each.version,
                state="building",
                position=0,
                applied_events=0,
                applied_digest=0,
                rebuild_id=rebuild_id,
                epoch=self._epochs[each.name],
                stop_position=stop,
                parts=parts,
                tables=" ".join(str(table.name) for table in each.rows),
            )
            for each in self._projections
        ]
        for each in self._projections:
            create_beside(connection, each, rebuild_id)
        add_copies(connection, begun)
        add_parts(connection, rebuild_id, parts)
        return begun

    def parts(self, stop: int) -> int:
        """Return in how many parts all rows keep to the budget, as many for each process."""
        jobs = max(1, self._manner.jobs)
        births = self._sources.log.births(stop)
        needed = -(-births * ROW_BYTES * jobs // self._manner.budget_bytes)
        even = -(-needed // jobs) * jobs  # so that nobody is idle while another does the last
        return max(jobs, min(births, even))  # a part holds one aggregate at least

    def _fold(self, mine: list[Copy], crew: Crew) -> None:
        plan = self._plan(mine)
        with self._sources.engine.connect() as connection:
            states = part_states(connection, plan.rebuild_id)
        left = [number for number, state in states.items() if not state.written]
        before, total = (plan.parts - len(left)) * plan.stop, plan.parts * plan.stop
        self._tell("reading", before, total)
        crew.run(
            [partial(fold_part, plan, number) for number in left],
            lambda done: self._tell("reading", before + done, total),
        )

    def _made_ready(self, mine: list[Copy]) -> list[Copy]:
        with self._sources.engine.begin() as connection:
            read = sum(
                (state.applied for state in part_states(connection, mine[0].rebuild_id).values()),
                Applied(),
            )
            ready = {
                "state": "ready",
                "position": mine[0].stop_position,
                "applied_events": read.events,
                "applied_digest": read.digest,
            }
            change_copies(connection, mine, **ready)
            _forget_parts(connection, mine[0].rebuild_id)
        if self._manner.folder:
            clear_spools(self._manner.folder, mine[0].rebuild_id)
        return [replace(copy, **ready) for copy in mine]

    def _derive_and_index(self, mine: list[Copy], crew: Crew) -> None:
        """Make derived rows and all indexes.

        What nothing is derived from can be indexed meanwhile: it has all of its rows already.
        """
        apart, rest = self._apart_and_rest()
        indexing = Indexing(self._sources.engine, mine[0].rebuild_id, jobs=self._manner.jobs)
        try:
            if indexing.is_parallel:
                indexing.begin(apart)
            self._derive(mine, crew)
            indexing.begin(rest if indexing.is_parallel else [*apart, *rest])
            for done, many in indexing.finish():
                self._tell("indexing", done, many)
        finally:
            indexing.end()

    def _apart_and_rest(self) -> tuple[list[Table], list[Table]]:
        apart: list[Table] = []
        rest: list[Table] = []
        for each in self._projections:
            (rest if each.derivation is not None else apart).extend(each.rows)
        return apart, rest

    def _derive(self, mine: list[Copy], crew: Crew) -> None:
        """Make the rows that follow from others, which lie there whole by now.

        What an earlier try has made of them is made again.
        """
        jobs = self._manner.jobs
        for each in self._projections:
            if each.derivation is not None:
                derived = DerivedRows(self._sources.engine, mine, each)
                many = derived.begin()
                shares = [Share(number, jobs) for number in range(jobs)]
                tasks = [partial(derive_share, mine, each.name, share) for share in shares]
                derived.join(crew.run(tasks, partial(self._tell_derived, many)))

    def _tell_derived(self, many: int, done: int) -> None:
        self._tell("deriving", done, many)


def drop_built(connection: Connection, dropped: Sequence[Copy], folder: Path | None) -> None:
    """Forget versions that were not switched to, with their tables and spools."""
    drop_copies(connection, dropped)
    for copy in dropped:
        _forget_parts(connection, copy.rebuild_id)
        if folder:
            clear_spools(folder, copy.rebuild_id)


def _forget_parts(connection: Connection, rebuild_id: str) -> None:
    connection.execute(delete(copy_parts).where(copy_parts.c.rebuild_id == rebuild_id))
