"""Pages behind a figure of the report: what it is the sum of, down to the events that made it."""

from collections.abc import Sequence

from msgspec import Struct

from interfaces.pages.charts import said_day
from interfaces.pages.crumbs import Link
from interfaces.role_views import (
    AssignmentDrillAnswer,
    CountedAssignment,
    PersonDrillAnswer,
    RoleDrillAnswer,
    RoleDrillPlaceholder,
)

REPORT = "/reports/role-capacity"


class Line(Struct, frozen=True):
    """A row of figures, one for each week."""

    name: Link
    figures: Sequence[float]
    note: str = ""
    is_sum: bool = False
    limit: Sequence[float] = ()  # beyond which a figure is over

    def is_over(self, number: int) -> bool:
        """Whether the figure of a week is above its limit."""
        return bool(self.limit) and self.figures[number] > self.limit[number]


class Grid(Struct, frozen=True):
    """Lines under a heading; `if_none` is said where there is no line."""

    heading: str
    lines: list[Line]
    if_none: str = ""


class Behind(Struct, frozen=True):
    """A page behind a figure. `next` is the cursor of the lines that follow."""

    title: str
    crumbs: list[Link]
    facts: list[tuple[str, str]]
    weeks: list[str]
    grids: list[Grid]
    next: str | None = None

    @property
    def days(self) -> list[str]:
        """The weeks as they are written, without their year."""
        return [said_day(week).rpartition(" ")[0] for week in self.weeks]


def role_page(found: RoleDrillAnswer, query: str, back: str) -> Behind:
    """Return what makes the figures of a role."""
    sums = [
        Line(Link("Assigned"), found.assigned, is_sum=True),
        Line(Link("Projected"), found.projected),
        Line(Link("Demand"), found.demand, is_sum=True, limit=found.capacity),
        Line(Link("Capacity"), found.capacity),
        Line(Link("People"), found.people),
    ]
    people = [
        Line(
            Link(each.name, f"{REPORT}/people/{each.person_id}{query}"),
            each.assigned,
            each.department_name,
            limit=each.capacity,
        )
        for each in found.by_person
    ]
    sought = [_sought(each, query) for each in found.placeholders]
    facts = [] if found.is_active else [("State", "not active; no report has a row for it")]
    return Behind(
        found.role_name,
        [Link("Role capacity", back), Link(found.role_name)],
        facts,
        found.week_keys,
        [
            Grid("In the report", sums),
            Grid("Hours of people", people, "Nobody has hours or capacity in these weeks."),
            Grid("Hours that nobody has yet", sought, "None are sought in these weeks."),
        ],
        found.next,
    )


def _sought(found: RoleDrillPlaceholder, query: str) -> Line:
    shared = found.shared_by_roles
    note = f"as {found.project_role_name}"
    note += f", shared by {shared} roles" if shared > 1 else ""
    return Line(_assignment(found, query), found.projected, note)


def person_page(found: PersonDrillAnswer, query: str, back: str) -> Behind:
    """Return the assignments that make somebody's hours."""
    person = found.person
    crumbs = [Link("Role capacity", back)]
    if person.role_id is not None:
        crumbs.append(Link(person.role_name, f"{REPORT}/roles/{person.role_id}{query}"))
    facts = [("Role", person.role_name or "none"), ("Department", person.department_name or "none")]
    if not person.is_active:
        facts.append(("State", "not active; no hours count"))
    sums = [
        Line(Link("Assigned"), found.assigned, is_sum=True, limit=found.capacity),
        Line(Link("Capacity"), found.capacity),
    ]
    lines = [
        Line(_assignment(each, query), each.hours, _certainty(each.state, each.probability_percent))
        for each in found.assignments
    ]
    return Behind(
        person.name,
        [*crumbs, Link(person.name)],
        facts,
        found.week_keys,
        [
            Grid("In the report", sums),
            Grid("Assignments", lines, "No assignment has hours in these weeks."),
        ],
        found.next,
    )


def assignment_page(found: AssignmentDrillAnswer, query: str, back: str) -> Behind:
    """Return the hours of an assignment."""
    person = found.person
    crumbs = [Link("Role capacity", back)]
    if person is not None:
        crumbs.append(Link(person.name, f"{REPORT}/people/{person.person_id}{query}"))
    whom = person.name if person else f"nobody yet, sought as {found.project_role_name or 'nobody'}"
    facts = [
        ("Who", whom),
        ("Project", _project(found)),
        ("State", _certainty(found.state, found.probability_percent) or "firm"),
    ]
    lines = [
        Line(Link("Set"), found.set_hours),
        Line(Link("Counted in the report"), found.hours, is_sum=True),
    ]
    title = f"Assignment {found.assignment_id}"
    return Behind(title, [*crumbs, Link(title)], facts, found.week_keys, [Grid("Hours", lines)])


def _assignment(found: CountedAssignment | RoleDrillPlaceholder, query: str) -> Link:
    return Link(_project(found), f"{REPORT}/assignments/{found.assignment_id}{query}")


def _project(found: CountedAssignment | RoleDrillPlaceholder | AssignmentDrillAnswer) -> str:
    if not found.project_name:
        return "no project"
    return f"{found.project_name}, {found.client}" if found.client else found.project_name


def _certainty(state: str, probability_percent: int) -> str:
    if state == "tentative":
        return f"tentative, {probability_percent} %"
    return "" if state == "firm" else state
