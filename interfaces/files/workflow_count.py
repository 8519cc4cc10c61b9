"""The count that a workflow books in: opened from offers and file, and the file left current."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from application.ledger import Command
from application.suppliers import ScenarioState, Suppliers, Workflows
from domain.errors import Invalid
from domain.suppliers import MatchDetails
from domain.suppliers.offers import parse_json
from interfaces.files.matching import Count, Held
from interfaces.files.workflow_files import WorkflowFiles, WorkflowRefused
from interfaces.files.workflow_ledger import OpenedLedger, opened_ledger
from interfaces.identity import fresh_id
from interfaces.service import Clock, Service
from projections import supplier_capacity as queries
from projections.capacity_files import CapacityFileFailed

Commands = Callable[..., Command]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAsked:
    """What the caller wants counted, and in whose name."""

    files: WorkflowFiles
    business_line: str
    scenario: str | None
    offers_document: bytes
    registration_ids: Sequence[str]
    resync: bool
    actor: str
    reason: str
    clock: Clock


@dataclass(slots=True)
class OpenedCount:
    """The count, and afterwards why its capacity file is not current, if it is not."""

    count: Count
    file_fault: str = ""


@asynccontextmanager
async def opened_count(asked: CountAsked) -> AsyncIterator[OpenedCount]:
    """Open the ledger, publish the offers, open the scenario, take over the capacity file.

    At the end the capacity file is brought up to date. Raises WorkflowRefused.
    """
    async with opened_ledger(asked.files.capacity, asked.business_line, asked.clock) as ledger:
        command = partial(_command, ledger.service, asked, fresh_id())
        state, messages = await _prepared(ledger, asked, command)
        opened = OpenedCount(await _count(ledger.service, asked, state, command, messages))
        try:
            yield opened
        finally:
            opened.file_fault = await _brought_current(ledger.service, state)


def _command(
    service: Service, asked: CountAsked, run_id: UUID, *, dry_run: bool = False, why: str = ""
) -> Command:
    return Command(
        actor=asked.actor,
        reason=f"{asked.reason}: {why}" if why else asked.reason,
        command_id=fresh_id(),
        correlation_id=run_id,
        at=service.clock(),
        dry_run=dry_run,
    )


async def _prepared(
    ledger: OpenedLedger, asked: CountAsked, command: Commands
) -> tuple[ScenarioState, list[str]]:
    """Bring the scenario into being, or to where its capacity file stands."""
    suppliers, line, scenario = ledger.service.suppliers, ledger.line, ledger.scenario
    newest = await _published(suppliers, ledger, asked, command)
    opened = await suppliers.open_scenario(
        command(), line=line, scenario=scenario, capacity_file=ledger.capacity_file
    )
    await ledger.adopt(command(why="taken over from its capacity file"))
    state = opened.result
    if state.publication == 0:  # it began with a capacity file, which names no service area
        state = (
            await Workflows(ledger.service.ledger).take_terms(
                command(), line=line, scenario=scenario
            )
        ).result
    elif asked.resync:
        why = command(why="newer offers")
        state = (await suppliers.resync(why, line=line, scenario=scenario)).result
    if state.publication == newest:
        return state, []
    told = f"the offers have changed since {ledger.scenario} began"
    earlier = f"it goes on by publication {state.publication}, the newest is {newest}"
    return state, [f"{told}: {earlier}; resync=True takes them over"]


async def _published(
    suppliers: Suppliers, ledger: OpenedLedger, asked: CountAsked, command: Commands
) -> int:
    try:
        outcome = await suppliers.publish_offers(
            command(), line=ledger.line, document=asked.offers_document
        )
    except Invalid as invalid:
        path = asked.files.offers
        faults = [(f"/offers_file{at}", f"{path}: {what}") for at, what in invalid.faults]
        raise WorkflowRefused(*faults) from None
    return outcome.result.publication


async def _count(
    service: Service,
    asked: CountAsked,
    state: ScenarioState,
    command: Commands,
    messages: list[str],
) -> Count:
    """Read what the run needs to know, when everything that was written before is shown."""
    await service.catch_up()
    line, scenario, read = state.line, state.scenario, service.read
    published = await read(queries.publication, line=line, publication=state.publication)
    assert published is not None  # the scenario goes by it
    held = await read(
        queries.held_matches, line=line, scenario=scenario, registration_ids=asked.registration_ids
    )
    return Count(
        suppliers=service.suppliers,
        workflows=Workflows(service.ledger),
        line=line,
        scenario=scenario,
        command=command,
        offers=parse_json(published.document)["SupplierOffers"],
        supplier_by_alias=await read(queries.aliases, line=line),
        held={name: _held(match) for name, match in held.items()},
        messages=messages,
    )


def _held(match: queries.Match) -> Held:
    details = MatchDetails(
        zip_code=match.zip_code,
        product_type=match.product_type,
        panel_name=match.panel_name,
        payment_type=match.payment_type,
        num_panels=match.num_panels,
    )
    return Held(match.supplier, details)


async def _brought_current(service: Service, state: ScenarioState) -> str:
    """Write the capacity file; return why it could not be, or the empty text."""
    try:
        await service.catch_up()
        outcome = await asyncio.to_thread(service.capacity_files.write, state.line, state.scenario)
    except CapacityFileFailed as failure:
        return str(failure)
    if outcome in ("written", "unchanged"):
        return ""
    return f"the capacity file is {outcome} since the workflow began, and is left alone"
