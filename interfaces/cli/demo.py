"""The command that loads the sample data, and says where to look next."""

from typing import Annotated, Any

import typer

from interfaces.cli.doors import Door, Session
from interfaces.cli.matching import choose_all, count_by_status, summary_sentence
from interfaces.cli.problems import Usage
from interfaces.cli.reports import distribution_lines
from interfaces.cli.serving import migrate_now, missing_schema
from interfaces.demo import LINE, SCENARIOS, load, offers_document
from interfaces.demo.plan import PEOPLE, sample_plan

_NEXT = """\
Look at next:
  capacity capacity {line} {scenario}          what each supplier has left
  capacity history suppliers "{line}/{scenario}/All Energy Solar"
  capacity book {line} no_battery SPUS55557 TruNorthSolar
  capacity report role-capacity --department 1
  capacity events tail --limit 5
  capacity serve                               the same by HTTP, and as pages to look at"""


def demo(
    door: Door,
    data: Annotated[
        str,
        typer.Option(help=f"Whose registrations are matched: {', '.join(SCENARIOS)}, or none."),
    ] = SCENARIOS[0],
) -> None:
    """Load the sample data: suppliers and whom they were matched with, and a plan of people.

    Makes the ledger first if there is none. A second run says what is there already.

    **Example:** `capacity demo`
    """
    if data not in (*SCENARIOS, "none"):
        raise Usage(f"Found --data {data!r}, one of {', '.join(SCENARIOS)}, none is needed")
    if door.dry_run and missing_schema(door):
        steps = ["migrate", f"publish offers of {LINE}"]
        steps += [f"open {LINE}/{scenario}" for scenario in SCENARIOS]
        steps += [f"match {LINE}/{data}"] * (data != "none")
        steps.append("take over the plan of some people")
        return door.answer({"dry_run": True, "would": steps}, f"Would {', '.join(steps)}.")
    if not door.dry_run:
        migrate_now(door)
    door.reason = door.reason or "sample data"
    document, lines = door.tell(lambda session: _load(session, data))
    door.answer(document, *lines)


async def _load(session: Session, data: str) -> tuple[dict[str, Any], list[Any]]:
    from projections import supplier_capacity as queries

    await session.bring_current()
    read = session.service.read
    steps: list[tuple[str, bool]] = []
    published = await read(queries.publication, line=LINE)
    if published is None:
        await _publish(session)
    what = f"offers of the business line {LINE}"
    steps.append((what, published is None))
    opened = {each.scenario for each in await read(queries.scenarios, line=LINE)}
    for scenario in SCENARIOS:
        if scenario not in opened:
            await _open(session, scenario)
        steps.append((f"scenario {LINE}/{scenario}", scenario not in opened))
    document: dict[str, Any] = {
        "line": LINE,
        "dry_run": session.door.dry_run,
        "steps": [{"what": what, "new": new} for what, new in steps],
    }
    lines: list[Any] = [_step(session, what, new) for what, new in steps]
    if data != "none" and (not session.door.dry_run or data in opened):
        results = await choose_all(session, LINE, data, load(data))
        counts = count_by_status(results)
        document |= {"matched": data, "counts": counts}
        lines.append(f"{LINE}/{data}: {summary_sentence(counts, dry_run=session.door.dry_run)}")
        if not session.door.dry_run:
            await session.bring_current()
            spread = await read(queries.distribution, line=LINE, scenario=data)
            assert spread is not None
            document["distribution"] = spread
            lines += ["", *distribution_lines(spread)]
    document["plan"] = await _plan(session)
    lines.append(document["plan"]["says"])
    if session.door.dry_run:
        return document, [*lines, "Dry run: nothing is stored."]
    await session.bring_current()
    lines += ["", _NEXT.format(line=LINE, scenario=data if data != "none" else SCENARIOS[0])]
    return document, lines


async def _plan(session: Session) -> dict[str, Any]:
    """Take over the plan unless people are planned already: it would not be theirs."""
    from projections.role_capacity import listed_departments

    if await session.service.read(listed_departments):
        return {"new": False, "says": "There already: a plan of people."}
    document = sample_plan(session.service.clock().date())
    done = await session.service.planning.import_document(session.command(), document=document)
    would = "Would load" if session.door.dry_run else "Loaded"
    weeks = f"{done.result.week_cells} weeks of hours"
    return {"new": True, "says": f"{would}: a plan of {PEOPLE} people, {weeks}."}


def _step(session: Session, what: str, new: bool) -> str:
    if not new:
        return f"There already: {what}."
    return f"{'Would load' if session.door.dry_run else 'Loaded'}: {what}."


async def _publish(session: Session) -> None:
    await session.service.suppliers.publish_offers(
        session.command(), line=LINE, document=offers_document()
    )


async def _open(session: Session, scenario: str) -> None:
    if session.door.dry_run:
        return  # a dry run has published nothing to open it from
    from projections.capacity_files import real_file

    await session.service.suppliers.open_scenario(
        session.command(),
        line=LINE,
        scenario=scenario,
        real_file=real_file(session.door.settings.data_dir, LINE, scenario, ""),
    )
