"""People by weeks, as cells: each has its state as a colour, a mark and a word."""

from msgspec import Struct

from interfaces.pages.charts import percent_of, said_day
from interfaces.role_views import HeatCell, HeatmapAnswer, HeatmapPerson
from projections.role_capacity import State

# Colours are never alone: each state has a mark, and a word for who does not see it.
MARKS: dict[State, str] = {
    "free": "",
    "partial": "",
    "full": "=",
    "over": "\u25b2",
    "off": "off",
    "not_hired": "\u2013",
    "left": "\u00d7",
}
WORDS: dict[State, str] = {
    "free": "free",
    "partial": "partly taken",
    "full": "full",
    "over": "over capacity",
    "off": "off",
    "not_hired": "not hired yet",
    "left": "has left",
}
_LIGHT, _HALF = 40.0, 75.0  # percent up to which a week that is partly taken looks lighter


class ShownCell(Struct, frozen=True):
    """A week of somebody."""

    style: str
    text: str
    mark: str
    word: str


class HeatRow(Struct, frozen=True):
    """Somebody, with a cell for each week."""

    person_id: int
    name: str
    role_name: str
    department_name: str
    cells: list[ShownCell]


class Heatmap(Struct, frozen=True):
    """A page of people; `next` is the cursor of the next one."""

    weeks: list[str]
    days: list[str]
    rows: list[HeatRow]
    next: str | None


def heatmap(found: HeatmapAnswer) -> Heatmap:
    """Return what is shown of a page of people."""
    days = [said_day(week).rpartition(" ")[0] for week in found.week_keys]
    return Heatmap(found.week_keys, days, [_row(each) for each in found.people], found.next)


def legend() -> list[ShownCell]:
    """Return one cell for each state."""
    return [
        ShownCell("partial-2" if each == "partial" else each, "", MARKS[each], word)
        for each, word in WORDS.items()
    ]


def _row(person: HeatmapPerson) -> HeatRow:
    return HeatRow(
        person.person_id,
        person.name,
        person.role_name,
        person.department_name,
        [_cell(each) for each in person.cells],
    )


def _cell(cell: HeatCell) -> ShownCell:
    style: str = cell.state
    if cell.state == "partial":
        share = percent_of(cell.assigned, cell.capacity)
        style = f"partial-{1 if share <= _LIGHT else 2 if share <= _HALF else 3}"
    text = f"{cell.assigned:.4g}" if cell.assigned else ""
    return ShownCell(style, text, MARKS[cell.state], WORDS[cell.state])
