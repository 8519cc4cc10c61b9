"""Commands about read models: run what keeps them current, see how far it is, build them anew."""

import asyncio
import signal
from typing import TYPE_CHECKING

from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Session, keep_logs_off_stdout
from interfaces.cli.output import many, note, table
from interfaces.cli.problems import NotCurrent

if TYPE_CHECKING:
    from interfaces.service import Service
    from projections.projector import ProjectionStatus

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

    async def work(session: Session) -> "tuple[list[ProjectionStatus], int]":
        service = session.service
        found = await asyncio.to_thread(service.projector.status, clock=service.clock)
        return found, service.ledger.head

    found, head = door.run(work)
    columns = ("Projection", ">Version", ">Position", ">Behind by", ">For")
    rows = [
        (
            each.name,
            each.version,
            each.position,
            many(each.lag_events, "event"),
            f"{each.lag_seconds:.1f} s",
        )
        for each in found
    ]
    document = {"head": head, "projections": found}
    door.answer(document, f"The ledger ends at position {head}.", table(columns, rows))
