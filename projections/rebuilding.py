"""Rebuilding without downtime: a new version beside the live one, compared, then switched to.

Commands and the live projection go on. The history is read once for all projections that are
rebuilt together, folded to final rows, and only those are written; then pages follow.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Engine

from projections.beside import Copy, Place, RebuildRefused, change_copies, copies
from projections.building import Building, Manner, Stage, Tell, drop_built
from projections.closing import Closed, Closing, Wish
from projections.comparing import Differences
from projections.database import create_tables, reading
from projections.holding import held
from projections.left_out import LeftOut, find_left_out
from projections.log import Log
from projections.projection import Projection, chosen_of
from projections.workers import OpenSources, Sources


class NothingThere(RebuildRefused):
    """There is no version beside a projection that could be taken."""

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        missing = {
            "next": "no new version of it is ready; `capacity projections rebuild` builds one",
            "before": "no earlier version of it is kept",
        }
        super().__init__(f"Projection {name}: {missing[place]}")


class LacksEvents(RebuildRefused):
    """A kept version was replaced while events were parked, which it would never show."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"The kept version of {name} lacks events that were parked when it was replaced, and "
            "which the live version shows; rebuild instead"
        )


class OtherRules(RebuildRefused):
    """A kept version was made by other rules than this program has, and cannot be brought on."""

    def __init__(self, name: str, kept: int, ours: int) -> None:
        self.name = name
        super().__init__(
            f"The kept version of {name} is {kept}, the rules here are of {ours}; "
            f"undo it with the program that has version {kept}"
        )


def tell_nobody(stage: Stage, done: int, total: int) -> None:
    """Take progress when nobody looks."""


class Rebuilt(Struct, frozen=True):
    """What a rebuild, a switch or an undo has come to."""

    projections: tuple[str, ...]
    positions: dict[str, int]
    switched: bool
    differences: tuple[Differences, ...] = ()  # one for each projection, if it was asked for


def rebuild(
    open_sources: OpenSources,
    names: Sequence[str] = (),
    *,
    manner: Manner = Manner(),  # noqa: B008 - it never changes
    wish: Wish = Wish(),  # noqa: B008 - it never changes
    tell: Tell = tell_nobody,
) -> Rebuilt:
    """Build projections (none named: all) anew beside the live ones, and do what is wished then.

    Raises UnknownProjection, EventFailed and RebuildRefused; what is live is then as it was.
    """
    with open_sources() as sources:
        chosen = chosen_of(sources.projections, names)
        create_tables(sources.engine, sources.projections, keep_versions=True)
        with held(sources.engine, [each.name for each in chosen]) as epochs:
            left_out = _left_out(sources, chosen)
            closing = Closing(sources, chosen, wish, tell, left_out=left_out)
            building = Building(sources, chosen, epochs, manner, left_out=left_out, tell=tell)
            mine = building.built(closing.stop(), open_sources)
            done = closing.close(mine)
            if wish.only is not None:
                with sources.engine.begin() as connection:
                    drop_built(connection, done.copies, manner.folder)
    return _rebuilt(done)


def rebuild_here(
    log: Log,
    engine: Engine,
    projections: Sequence[Projection],
    names: Sequence[str] = (),
    *,
    manner: Manner = Manner(),  # noqa: B008 - it never changes
    wish: Wish = Wish(),  # noqa: B008 - it never changes
    tell: Tell = tell_nobody,
) -> Rebuilt:
    """Rebuild with what is open in this process, and in this process alone."""
    sources = Sources(log, engine, projections)
    alone = manner._replace(jobs=1)
    return rebuild(lambda: nullcontext(sources), names, manner=alone, wish=wish, tell=tell)


def switch_to(
    sources: Sources,
    names: Sequence[str],
    place: Place,
    *,
    wish: Wish = Wish(),  # noqa: B008 - it never changes
    tell: Tell = tell_nobody,
) -> Rebuilt:
    """Switch to versions that are `next`, or back to those that were `before`.

    They are brought up to the live ones first. Raises UnknownProjection, EventFailed and
    RebuildRefused; what is live is then as it was.
    """
    chosen = chosen_of(sources.projections, names)
    with held(sources.engine, [each.name for each in chosen]) as epochs:
        with sources.engine.begin() as connection:
            mine = [_taken(connection, each, place, epochs[each.name]) for each in chosen]
        left_out = _left_out(sources, chosen)
        return _rebuilt(Closing(sources, chosen, wish, tell, left_out=left_out).close(mine))


def _left_out(sources: Sources, projections: Sequence[Projection]) -> LeftOut:
    with reading(sources.engine).connect() as connection:
        return find_left_out(connection, projections)


def drop(sources: Sources, names: Sequence[str], *, folder: Path | None = None) -> None:
    """Drop versions that were built, or begun, and not switched to; quiet where there is none.

    Raises UnknownProjection and RebuildUnderWay.
    """
    chosen = [each.name for each in chosen_of(sources.projections, names)]
    with held(sources.engine, chosen), sources.engine.begin() as connection:
        drop_built(connection, list(copies(connection, "next", chosen).values()), folder)


def versions_beside(engine: Engine) -> list[Copy]:
    """Return every version that stands beside a live one."""
    with reading(engine).connect() as connection:
        places: tuple[Place, ...] = ("next", "before")
        return [copy for place in places for copy in copies(connection, place).values()]


def _taken(connection: Connection, projection: Projection, place: Place, epoch: int) -> Copy:
    copy = copies(connection, place, [projection.name]).get(projection.name)
    if copy is None or copy.state == "building":
        raise NothingThere(projection.name, place)
    if copy.state == "incomplete":
        raise LacksEvents(projection.name)
    if copy.version != projection.version:
        raise OtherRules(projection.name, copy.version, projection.version)
    change_copies(connection, [copy], epoch=epoch)
    return replace(copy, epoch=epoch)


def _rebuilt(done: Closed) -> Rebuilt:
    return Rebuilt(
        projections=tuple(copy.name for copy in done.copies),
        positions={copy.name: copy.position for copy in done.copies},
        switched=done.switched,
        differences=done.differences,
    )
