"""Commands about parked events: see them, apply them again, or leave one out for good."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.commands import command
from interfaces.cli.doors import Door, Session
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import many, table
from interfaces.cli.problems import Usage

if TYPE_CHECKING:
    from projections.parking import ParkedEvent
    from projections.retrying import Retried

_Name = Annotated[str, typer.Argument(help="The projection.", metavar="NAME")]


def parked(
    door: Door,
    names: Annotated[list[str] | None, typer.Argument(help="Projections.", metavar="NAME")] = None,
    with_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where in the program it failed.")
    ] = False,
) -> None:
    """Show what projections could not apply, and what waits for it; exit code 1 if anything is.

    **Example:** `capacity projections parked supplier_capacity`
    """

    async def work(session: Session) -> "list[ParkedEvent]":
        return await asyncio.to_thread(session.service.projector.parked, names or ())

    found = door.run(work)
    rows = [(each.projection, each.position, each.topic, each.error) for each in found]
    lines: list[Any] = [f"{many(len(found), 'event')} parked."]
    if found:
        door.exit_code = ExitCode.FOUND_WRONG
        lines.append(table(("Projection", ">Position", "Event", "Why"), rows))
    if with_traceback:
        lines += [f"{each.position}: {each.traceback}" for each in found if each.traceback]
    door.answer({"parked": [_document(each) for each in found]}, *lines)


def retry(
    door: Door,
    name: _Name,
    position: Annotated[
        int | None, typer.Argument(help="The position of the parked event.", min=1)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
) -> None:
    """Apply parked events again, in order, when what stood in their way is mended.

    What waits for the event, and what it waits for, is applied with it, in one transaction. The
    exit code is 1 if anything stays parked.

    **Example:** `capacity projections retry supplier_capacity --all --reason "1.2 counts them"`
    """
    if (position is None) != everything:
        raise Usage("Name the position of a parked event, or take all by --all")

    async def work(session: Session) -> "Retried | None":
        await _parked_at(session, name, position)
        operations = session.service.operations
        await operations.order_retry(session.command(), projection=name, position=position)
        return await _retried(session, name, position=position, skip=False)

    _answer(door, name, door.run(work), did="applied", would="apply them again")


def skip(
    door: Door,
    name: _Name,
    position: Annotated[int, typer.Argument(help="The position of the parked event.", min=1)],
) -> None:
    """Leave out a parked event for good; what waited for it is applied without it.

    **Example:** `capacity projections skip supplier_capacity 17 --reason "sent twice in 2025"`
    """

    async def work(session: Session) -> "Retried | None":
        found = await _parked_at(session, name, position)
        assert found is not None
        await session.service.operations.skip(
            session.command(),
            projection=name,
            position=position,
            parked_topic=found.topic,
            error=found.error,
        )
        return await _retried(session, name, position=position, skip=True)

    _answer(door, name, door.run(work), did="applied", would="leave it out")


def add_to(projections: typer.Typer) -> None:
    """Register these commands in the group of projections."""
    command(projections, "parked")(parked)
    command(projections, "retry", writes=True)(retry)
    command(projections, "skip", writes=True)(skip)


async def _parked_at(session: Session, name: str, position: int | None) -> "ParkedEvent | None":
    """Refuse what cannot be done before it is recorded."""
    from projections.retrying import NotParked

    found = await asyncio.to_thread(session.service.projector.parked, [name])
    if position is None:
        return None
    for each in found:
        if each.position == position:
            return each
    raise NotParked(name, position)


async def _retried(
    session: Session, name: str, *, position: int | None, skip: bool
) -> "Retried | None":
    if session.door.dry_run:
        return None
    projector = session.service.projector
    retried = await asyncio.to_thread(projector.retry, name, position=position, skip=skip)
    await session.bring_current()
    return retried


def _answer(door: Door, name: str, retried: "Retried | None", *, did: str, would: str) -> None:
    if retried is None:
        return door.answer({"dry_run": True}, f"Dry run: nothing is stored; it would {would}.")
    if retried.parked:
        door.exit_code = ExitCode.FOUND_WRONG
    document = {
        "projection": name,
        "applied": retried.applied,
        "parked": [_document(each) for each in retried.parked],
    }
    lines = [f"{many(len(retried.applied), 'event')} {did}, {len(retried.parked)} still parked."]
    door.answer(document, *lines, *(each.error for each in retried.parked[:10]))


def _document(parked: "ParkedEvent") -> dict[str, Any]:
    _, originator_id, version, topic, _ = parked.log_row
    return {
        "projection": parked.projection,
        "position": parked.position,
        "topic": topic,
        "aggregate_id": originator_id.hex(),
        "aggregate_version": version,
        "behind": parked.behind,
        "error": parked.error,
        "traceback": parked.traceback,
        "parked_at_us": parked.parked_at_us,
    }
