"""Commands that ask: how matches are spread, and what is used."""

from typing import TYPE_CHECKING, Any

from domain.suppliers import ScenarioNotFound
from interfaces.cli.commands import Line, Scenario
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import answer_bytes, percent, table

if TYPE_CHECKING:
    from projections.supplier_capacity import Distribution


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
