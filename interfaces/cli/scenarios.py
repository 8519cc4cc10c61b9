"""Commands: scenarios are opened from the offers, brought to newer ones, and counted anew."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.suppliers.offers import LineNotFound
from interfaces.cli.commands import Line, Scenario, command, group
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import many, moment, plain, table

if TYPE_CHECKING:
    from application.suppliers import ScenarioState
    from projections.supplier_capacity import OpenScenario

scenarios = group("scenarios", "Counts of capacity, each opened from the offers of its line.")


@command(scenarios, "open", writes=True)
def open_scenario(
    door: Door,
    line: Line,
    scenario: Scenario,
    capacity_file: Annotated[
        str,
        typer.Option(
            help="Where its capacity file lies below the data folder; "
            "else LINE/capacity/SCENARIO.json.",
            metavar="PATH",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Open a scenario from the newest offers; its capacity file is written at once.

    **Example:** `capacity scenarios open sbus overlap_only`
    """
    from projections.capacity_files import default_path, real_file, resolve_path

    data_dir = door.settings.data_dir
    if capacity_file:
        resolve_path(data_dir, capacity_file)

    async def work(session: Session) -> Any:
        return await session.service.suppliers.open_scenario(
            session.command(),
            line=line,
            scenario=scenario,
            capacity_file=capacity_file,
            real_file=real_file(data_dir, line, scenario, capacity_file),
        )

    outcome = door.tell(work)
    state = outcome.result
    path = data_dir / capacity_file if capacity_file else default_path(data_dir, line, scenario)
    if not state.changed:
        did = f"Nothing new: {line}/{scenario} is open"
    else:
        did = f"{'Would open' if door.dry_run else 'Opened'} {line}/{scenario}"
    count = many(state.suppliers, "supplier")
    sentence = f"{did} with {count} of publication {state.publication}; capacity file {path}."
    door.answer_command(outcome, state, sentence)


@command(scenarios, "list", dated=True)
def list_scenarios(door: Door, line: Line) -> None:
    """List the open scenarios of a business line.

    **Example:** `capacity scenarios list sbus`
    """
    from projections import supplier_capacity as queries

    async def work(session: Session) -> "list[tuple[OpenScenario, int, int]]":
        read = session.read
        if await read(queries.publication, line=line) is None:
            raise LineNotFound(line)
        found = []
        for opened in await read(queries.scenarios, line=line):
            document = await read(queries.capacity_document, line=line, scenario=opened.scenario)
            records = (document or {}).values()
            slots = [sum(each[key] for each in records) for key in ("Used", "Capacity")]
            found.append((opened, slots[0], slots[1]))
        return found

    found = door.ask(work)
    if not found:
        return door.answer([], f"{line} has no open scenario; `capacity scenarios open` opens one.")
    columns = ("Scenario", ">Used", ">Capacity", ">Publication", ">Resets", "Opened (UTC)", "By")
    rows = [
        (
            each.scenario,
            used,
            capacity,
            each.publication,
            each.reset_number,
            moment(each.opened_at),
            each.actor,
        )
        for each, used, capacity in found
    ]
    documents = [
        _without_terms(each) | {"used": used, "capacity": capacity}
        for each, used, capacity in found
    ]
    door.answer(documents, table(columns, rows))


@command(scenarios, "show", dated=True)
def show_scenario(door: Door, line: Line, scenario: Scenario) -> None:
    """Show a scenario: its suppliers with their terms, and how much each has left.

    **Example:** `capacity scenarios show sbus overlap_only`
    """
    from domain.suppliers import ScenarioNotFound
    from projections import supplier_capacity as queries
    from projections.capacity_files import default_path

    async def work(session: Session) -> "tuple[OpenScenario, dict[str, Any]]":
        read = session.read
        opened = await read(queries.scenario, line=line, scenario=scenario)
        document = await read(queries.capacity_document, line=line, scenario=scenario)
        if opened is None or document is None:
            raise ScenarioNotFound(line, scenario)
        return opened, document

    opened, document = door.ask(work)
    path = opened.capacity_file or str(default_path(door.settings.data_dir, line, scenario))
    rows = [
        (
            each.supplier,
            document[each.supplier]["Used"],
            document[each.supplier]["Capacity"],
            ", ".join(each.product_types),
            ", ".join(each.service_areas),
        )
        for each in opened.terms
        if each.supplier in document
    ]
    door.answer(
        plain(opened) | {"capacity_document": document},
        f"{line}/{scenario}: opened {moment(opened.opened_at)} UTC by {opened.actor}, "
        f"terms of publication {opened.publication}, {many(opened.reset_number, 'reset')}",
        f"Capacity file: {path}",
        table(("Supplier", ">Used", ">Capacity", "Products", "Zip codes"), rows),
    )


def _without_terms(opened: "OpenScenario") -> dict[str, Any]:
    return {key: value for key, value in plain(opened).items() if key != "terms"}


def resync(
    door: Door,
    line: Line,
    scenario: Annotated[
        str | None, typer.Argument(help="One scenario; else all of the line.", metavar="[SCENARIO]")
    ] = None,
) -> None:
    """Take over the newest offers; what is used stays, also where it is over capacity now.

    **Example:** `capacity resync sbus overlap_only --reason "offers of March"`
    """
    from projections import supplier_capacity as queries

    async def work(session: Session) -> list[Any]:
        read, names = session.service.read, [scenario]
        if scenario is None:
            await session.bring_current()
            if await read(queries.publication, line=line) is None:
                raise LineNotFound(line)
            names = [each.scenario for each in await read(queries.scenarios, line=line)]
        return [
            await session.service.suppliers.resync(session.command(), line=line, scenario=name)
            for name in names
            if name is not None
        ]

    outcomes = door.tell(work)
    documents = [
        plain(each.result)
        | (
            {"dry_run": True, "would_record": [event.topic for event in each.events]}
            if door.dry_run
            else {"position": each.position}
        )
        for each in outcomes
    ]
    sentences = [_resynced(each.result, door.dry_run) for each in outcomes]
    if door.dry_run:
        sentences.append("Dry run: nothing is stored.")
    door.answer(
        documents[0] if scenario is not None else documents,
        *(sentences or [f"{line} has no open scenario."]),
    )


def _resynced(state: "ScenarioState", dry_run: bool) -> str:
    name = f"{state.line}/{state.scenario}"
    if not state.changed:
        return f"{name} has the terms of publication {state.publication} already."
    return f"{name} {'would have' if dry_run else 'has'} the terms of publication " + (
        f"{state.publication} now."
    )


def reset(door: Door, line: Line, scenario: Scenario) -> None:
    """Begin a new count from zero; the history keeps the one before.

    **Example:** `capacity reset sbus overlap_only --reason "next model"`
    """

    async def work(session: Session) -> Any:
        return await session.service.suppliers.reset(
            session.command(), line=line, scenario=scenario
        )

    outcome = door.tell(work)
    state = outcome.result
    did = "would count" if door.dry_run else "counts"
    count = many(state.suppliers, "supplier")
    sentence = f"{line}/{scenario} {did} its {count} from zero again (reset {state.reset_number})."
    door.answer_command(outcome, state, sentence)
