"""Commands that ask: how matches are spread, what is used, and how a count came to be."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.suppliers import ScenarioNotFound
from interfaces.cli.commands import Line, Scenario, command, group
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import answer_bytes, moment, percent, table
from interfaces.cli.problems import Usage

if TYPE_CHECKING:
    from application.ledger import Recorded
    from domain.aggregate import Event
    from domain.suppliers import SupplierCapacity
    from projections.supplier_capacity import Distribution

history = group("history", "Everything that ever happened to one thing, with who, when and why.")


def distribution(door: Door, line: Line, scenario: Scenario) -> None:
    """Show how matches are spread over suppliers, against their shares of the capacity.

    Only zip codes that suppliers share count, because there each could have had the match.

    **Example:** `capacity distribution sbus overlap_only`
    """
    from projections import supplier_capacity as queries

    async def work(session: Session) -> "Distribution | None":
        return await session.read(queries.distribution, line=line, scenario=scenario)

    found = door.ask(work)
    if found is None:
        raise ScenarioNotFound(line, scenario)
    door.answer(found, *distribution_lines(found))


def distribution_lines(found: "Distribution") -> list[Any]:
    """Return a distribution as people read it."""
    rows = [
        (
            each.supplier,
            each.capacity_slots,
            each.matches,
            percent(each.expected_share),
            percent(each.actual_share),
            f"{100 * (each.actual_share - each.expected_share):+.1f}",
        )
        for each in found.shares
    ]
    columns = ("Supplier", ">Capacity", ">Matches", ">Expected", ">Actual", ">Points")
    whom = "all suppliers" if found.shared_by_all else "two suppliers or more"
    zips = ", ".join(found.shared_zip_codes[:20]) or "none"
    more = (
        f" and {len(found.shared_zip_codes) - 20} more" if len(found.shared_zip_codes) > 20 else ""
    )
    lines: list[Any] = [f"Zip codes served by {whom}: {zips}{more}", table(columns, rows)]
    if found.outside_matches or found.without_zip_matches:
        outside = f"{found.outside_matches} in other zip codes"
        lines.append(f"Not counted: {outside}, {found.without_zip_matches} without a zip code.")
    return lines


def capacity(door: Door, line: Line, scenario: Scenario) -> None:
    """Show what is used of each supplier's capacity; --json prints the capacity file's text.

    **Example:** `capacity capacity sbus overlap_only --json`
    """
    from projections import supplier_capacity as queries
    from projections.capacity_files import capacity_text

    async def work(session: Session) -> dict[str, Any] | None:
        return await session.read(queries.capacity_document, line=line, scenario=scenario)

    document = door.ask(work)
    if document is None:
        raise ScenarioNotFound(line, scenario)
    if door.as_json:
        return answer_bytes(capacity_text(document))
    columns = ("Supplier", ">Capacity", ">Used", ">Room", ">Used share", "")
    rows = [
        (
            each["SupplierID"],
            each["Capacity"],
            each["Used"],
            max(0, each["Capacity"] - each["Used"]),
            percent(each["UsedPct"]),
            _overbooked(each),
        )
        for each in document.values()
    ]
    door.answer(document, table(columns, rows))


def _overbooked(record: dict[str, Any]) -> str:
    over = record["Used"] - record["Capacity"]
    return f"overbooked by {over}" if over > 0 else ""


@command(history, "suppliers", dated=True)
def supplier_history(
    door: Door,
    path: Annotated[
        str,
        typer.Argument(
            help="The count of one supplier; its name may hold slashes.",
            metavar="LINE/SCENARIO/SUPPLIER",
        ),
    ],
) -> None:
    """Show every event of one supplier's count, with the count after it.

    **Example:** `capacity history suppliers "sbus/overlap_only/All Energy Solar"`
    """
    parts = path.split("/", 2)
    if len(parts) < 3 or not all(parts):
        raise Usage(f"Found {path!r}, LINE/SCENARIO/SUPPLIER is needed")
    line, scenario, supplier = parts

    async def work(session: Session) -> "list[Recorded]":
        return [
            recorded
            async for recorded in session.service.suppliers.history(
                line=line, scenario=scenario, supplier=supplier, up_to=session.past
            )
        ]

    found = door.ask(work)
    columns = (">Position", "When (UTC)", "Who", "What", "", ">Used", ">Capacity", "Why")
    rows = [
        (
            each.position,
            moment(each.event.provenance.recorded_at),
            each.event.provenance.actor,
            each.event.topic.partition(".")[2].replace("_", " "),
            facts_text(each.event),
            _state(each)["used"],
            _state(each)["capacity"],
            each.event.provenance.reason,
        )
        for each in found
    ]
    documents = [event_document(each.event, each.position) | _state_after(each) for each in found]
    door.answer(documents, table(columns, rows))


def _state(recorded: "Recorded") -> dict[str, Any]:
    aggregate: SupplierCapacity = recorded.aggregate  # type: ignore[assignment] # its own history
    return aggregate.described()


def _state_after(recorded: "Recorded") -> dict[str, Any]:
    return {"state": _state(recorded)}


# Events, as history and the ledger's feed show them.

_BOOKKEEPING = ("originator_id", "originator_version", "provenance", "previous_hash")


def event_document(event: "Event", position: int) -> dict[str, Any]:
    """Return an event with its place in the ledger and its provenance."""
    from msgspec import to_builtins

    provenance = to_builtins(event.provenance)
    return {
        "position": position,
        "topic": event.topic,
        "context": event.topic.partition(".")[0],
        "recorded_at": provenance["recorded_at"],
        "actor": provenance["actor"],
        "reason": provenance["reason"],
        "on_behalf_of": provenance["on_behalf_of"],
        "stream_id": str(event.originator_id),
        "version": event.originator_version,
        "command_id": provenance["command_id"],
        "correlation_id": provenance["correlation_id"],
        "causation_id": provenance["causation_id"],
        # A document is left out: its digest is there, and `offers show` prints it.
        "data": {
            name: to_builtins(value)
            for name in event.__struct_fields__
            if name not in _BOOKKEEPING and not isinstance(value := getattr(event, name), bytes)
        },
    }


def facts_text(
    event: "Event", *, without: tuple[str, ...] = ("line", "scenario", "supplier")
) -> str:
    """Return the fields of an event that fit into one line."""
    from msgspec import Struct

    told = []
    for field in event.__struct_fields__:
        value = getattr(event, field)
        if field in _BOOKKEEPING or field in without or isinstance(value, bytes | Struct):
            continue
        if field.endswith("_id") and not isinstance(value, str):
            continue  # an aggregate's id means nothing to people
        if isinstance(value, tuple):
            value = len(value)
        if value not in ("", None):
            told.append(f"{field}={str(value)[:60]}")
    return " ".join(told)
