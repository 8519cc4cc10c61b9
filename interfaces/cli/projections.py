"""Commands about read models: run what keeps them current, see how far it is, build them anew."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Session, keep_logs_off_stdout
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import many, note, table
from interfaces.cli.parking import add_to
from interfaces.cli.problems import NotCurrent

if TYPE_CHECKING:
    from interfaces.service import Service
    from projections.leases import LeaseStatus
    from projections.statuses import ProjectionStatus
    from projections.verifying import Verification

projections = group("projections", "The read models: made from the ledger, and disposable.")

_STATUS_SECONDS = 5.0  # a status line is printed as often as this, while there is news


@command(projections, "run")
def run(door: Door) -> None:
    """Keep read models and capacity files current until Ctrl-C; status lines go to stderr.

    `capacity serve` does so itself, unless it is told `--no-projector`.

    **Example:** `capacity projections run`
    """
    from interfaces.service import open_service

    async def work() -> dict[str, int]:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with open_service(door.settings, projector="threads") as service:
            note(f"Following the ledger from {_positions(service)}; Ctrl-C ends it")
            await _report_until(stop, service)
            if not service.projector.alive:
                raise NotCurrent(f"The projector has stopped: {service.projector.failure}")
        note(f"Stopped at {_positions(service)}")
        return service.projector.positions()

    keep_logs_off_stdout(only_errors=False)
    positions = asyncio.run(work())
    if door.as_json:
        door.answer({"positions": positions})


async def _report_until(stop: asyncio.Event, service: "Service") -> None:
    said = _news(service)
    while not stop.is_set() and service.projector.alive:
        try:
            await asyncio.wait_for(stop.wait(), _STATUS_SECONDS)
        except TimeoutError:
            if (news := _news(service)) != said:
                note("; ".join(news))
                said = news


def _news(service: "Service") -> list[str]:
    news = [_positions(service)]
    if service.projector.failure:
        news.append(service.projector.failure)
    failing = service.follower.files_failing
    return news + [f"{name}: {why}" for name, why in sorted(failing.items())]


def _positions(service: "Service") -> str:
    found = service.projector.positions()
    return ", ".join(f"position {position} ({name})" for name, position in sorted(found.items()))


@command(projections, "status")
def status(door: Door) -> None:
    """Show how far each projection has come, and how far it is behind the ledger.

    **Example:** `capacity projections status`
    """

    async def work(session: Session) -> "tuple[list[ProjectionStatus], list[LeaseStatus], int]":
        service = session.service
        found = await asyncio.to_thread(service.projector.status, clock=service.clock)
        return found, await asyncio.to_thread(service.projector.runners), service.ledger.head

    found, leases, head = door.run(work, ahead_allowed=True)
    columns = ("Projection", ">Version", ">Position", ">Behind by", ">For", ">Parked", "Verified")
    rows = [
        (
            each.name,
            each.version,
            each.position,
            many(each.lag_events, "event"),
            "ahead of the ledger" if each.ahead else f"{each.lag_seconds:.1f} s",
            each.parked_events,
            _when_verified(each),
        )
        for each in found
    ]
    document = {"head": head, "projections": found, "runners": [_runner(each) for each in leases]}
    lines: list[Any] = [f"The ledger ends at position {head}.", table(columns, rows)]
    door.answer(document, *lines, *(_runs(each) for each in leases))


def _when_verified(found: "ProjectionStatus") -> str:
    if found.verified_seconds is None:
        return "never"
    return f"{found.verified_seconds:.0f} s ago, up to {found.verified_position}"


def _runner(lease: "LeaseStatus") -> dict[str, Any]:
    return {
        "name": lease.name,
        "holder": str(lease.holder),
        "held": lease.held,
        "heartbeat_seconds": lease.heartbeat_seconds,
    }


def _runs(lease: "LeaseStatus") -> str:
    """Return a sentence about who does a piece of work, or did."""
    heartbeat = f"last heartbeat {lease.heartbeat_seconds:.1f} s ago"
    return f"{lease.name}: {lease.holder if lease.held else 'nobody'}, {heartbeat}"


add_to(projections)


@command(projections, "verify")
def verify(
    door: Door,
    names: Annotated[list[str] | None, typer.Argument(help="Projections.", metavar="NAME")] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare every row with those of a rebuild.")
    ] = False,
) -> None:
    """Compare projections with the ledger: has each read every event, once? Exit code 1 if not.

    With `--deep` they are made again in a scratch file and compared row by row, while whoever
    follows the ledger stands by; reads and commands go on.

    **Example:** `capacity projections verify --deep`
    """

    async def work(session: Session) -> "list[Verification]":
        return await asyncio.to_thread(session.service.projector.verify, names or (), deep=deep)

    found = door.run(work)
    if not all(each.sound for each in found):
        door.exit_code = ExitCode.FOUND_WRONG
    lines: list[Any] = [_verified(each) for each in found]
    examples = [
        (each.name, row.table, row.key, _columns(row.found), _columns(row.expected))
        for each in found
        for row in each.examples
    ]
    if examples:
        lines.append(table(("Projection", "Table", "Row", "Found", "Expected"), examples))
    door.answer({"projections": found}, *lines)


def _verified(found: "Verification") -> str:
    said = f"{found.name} at position {found.position}: "
    if not found.complete:
        said += f"read {many(found.read_events, 'event')} of {found.log_events} or others; "
        said += f"`capacity projections rebuild {found.name}` mends it"
    elif found.different_rows:
        said += f"{many(found.different_rows, 'row')} wrong; "
        said += f"`capacity projections rebuild {found.name}` mends it"
    else:
        said += f"read all {many(found.log_events, 'event')}"
        said += ", and every row is right" if found.deep else ""
    return said + (f"; {many(found.parked, 'event')} parked" if found.parked else "")


def _columns(row: dict[str, str] | None) -> str:
    if row is None:
        return "no such row"
    return ", ".join(f"{name}={value}" for name, value in row.items())
