"""How people's weeks look on a terminal: a letter and a colour for each state."""

from typing import TYPE_CHECKING, Any

from interfaces.cli.output import many, table

if TYPE_CHECKING:
    from interfaces.people_views import AvailabilityAnswer, OverAllocationAnswer, UtilizationAnswer
    from interfaces.role_views import HeatmapAnswer

_LETTERS = {  # a letter and a colour for each state, so that neither is needed alone
    "free": ("f", "green"),
    "partial": ("p", "cyan"),
    "full": ("F", "blue"),
    "over": ("O", "bold red"),
    "off": ("x", "dim"),
    "not_hired": ("n", "dim"),
    "left": ("l", "dim"),
}
_LEGEND = ", ".join(
    f"{letter} {state.replace('_', ' ')}" for state, (letter, _) in _LETTERS.items()
)


def heatmap_lines(body: "HeatmapAnswer") -> list[Any]:
    """Return people with a letter for each week."""
    from rich.text import Text

    rows = [
        (
            each.name,
            each.role_name,
            Text.assemble(*(_LETTERS[cell.state] for cell in each.cells)),
            f"{sum(cell.assigned for cell in each.cells):.1f}",
            f"{sum(cell.capacity for cell in each.cells):.1f}",
        )
        for each in body.people
    ]
    columns = ("Person", "Role", "Weeks", ">Assigned h", ">Capacity h")
    lines: list[Any] = [f"Weeks of {body.week_keys[0]} to {body.week_keys[-1]}"]
    lines += [table(columns, rows), _LEGEND]
    if body.next is not None:
        lines.append(f"The first {len(body.people)}; --limit shows more, --csv and --xlsx have all")
    return lines


def used_lines(body: "UtilizationAnswer") -> list[Any]:
    """Return somebody's weeks, and all of them together."""
    rows = [
        (
            each.week,
            _state(each.state),
            f"{each.assigned:.1f}",
            f"{each.capacity:.1f}",
            f"{each.available:.1f}",
            f"{each.percent:.0f} %",
        )
        for each in body.weeks
    ]
    total = body.total
    columns = ("Week", "State", ">Assigned h", ">Capacity h", ">Available h", ">Used")
    said = f"{total.assigned:.1f} h of {total.capacity:.1f} h: {total.percent:.1f} %"
    return [body.person.name, table(columns, rows), said]


def available_lines(body: "AvailabilityAnswer") -> list[Any]:
    """Return who has hours left, and why others have not."""
    there = [
        (each.rank, each.person.name, each.person.role_name, each.because)
        for each in body.available
    ]
    others = [(each.person.name, each.person.role_name, each.because) for each in body.excluded]
    return [
        f"{many(body.available_count, 'person has', 'people have')} {body.hours:g} h left in each "
        f"week from {body.week_keys[0]} to {body.week_keys[-1]}:",
        table((">Rank", "Person", "Role", "Why"), there),
        f"{many(body.excluded_count, 'person has', 'people have')} not; the nearest:",
        table(("Person", "Role", "Why"), others),
    ]


def over_lines(body: "OverAllocationAnswer") -> list[Any]:
    """Return who has too much, week by week."""
    rows = [
        (
            each.person.name,
            week.week,
            f"{week.assigned:g}",
            f"{week.capacity:g}",
            f"{week.over:g}",
            ", ".join(
                f"{made.project_name or 'no project'} {made.hours:g}" for made in week.assignments
            ),
        )
        for each in body.people
        for week in each.weeks
    ]
    if not rows:
        return ["Nobody has more to do than they can give."]
    columns = ("Person", "Week", ">Assigned h", ">Capacity h", ">Over h", "Made by")
    lines: list[Any] = [table(columns, rows)]
    if body.next is not None:
        lines.append(f"The first {len(body.people)}; --limit shows more, --csv and --xlsx have all")
    return lines


def _state(state: str) -> Any:
    from rich.text import Text

    letter, colour = _LETTERS[state]
    return Text(f"{letter} {state.replace('_', ' ')}", style=colour)
