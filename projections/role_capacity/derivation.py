"""How hours by week and totals follow what planning says, page by page, and all at once."""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import astuple
from sqlalchemy import Connection, Table

from projections.projection import (
    Key,
    MadeOf,
    Row,
    Rows,
    RowsBefore,
    Share,
    StoredRows,
    Write,
)
from projections.role_capacity.by_week import by_week, changed_at_us_by_week
from projections.role_capacity.counting import Around, Sums, Totals, week_rows
from projections.role_capacity.following import following
from projections.role_capacity.provenance import made_of
from projections.role_capacity.tables import (
    AssignmentRow,
    TimeOffRow,
    assignments,
    departments,
    people,
    project_roles,
    projects,
    time_off,
)
from projections.role_capacity.totals import DERIVED, TOTALS, WeekHoursRow, week_hours

_ROWS_AT_ONCE = 50_000
# What, if it changes, changes the hours of all assignments that refer to it; and how they do.
_REFERRED = ((people, "person_id"), (projects, "project_id"), (project_roles, "project_role_id"))
# What of an assignment concerns all of its weeks.
_FACTS = (
    "person_id", "project_id", "department_id", "project_role_id", "is_active",
    "probability_percent",
)  # fmt: skip


class RoleCapacityDerivation:
    """Figures are sums, so a page changes them by what its rows come to, less what they came to."""

    sources: tuple[Table, ...] = (
        people, time_off, departments, projects, project_roles, assignments
    )  # fmt: skip
    tables: tuple[Table, ...] = tuple(DERIVED)
    shared_out: Table = assignments

    def follow(self, before: RowsBefore, after: RowsBefore, stored: StoredRows) -> Rows:
        """Return the derived rows that a page changes."""
        page = _Page(before, after, stored)
        hours_before, hours_after = page.hours()
        totals = Totals()
        totals.count_hours(hours_before.values(), -1)
        totals.count_hours(hours_after.values())
        page.count_people(totals)
        return {week_hours: _changed(hours_before, hours_after)} | {
            table: _added(table, sums, stored) for table, sums in totals.spread().items()
        }

    def made_of(self, connection: Connection, table: Table, key: Key) -> MadeOf:
        """Return the rows of planning that a derived row follows from."""
        return made_of(connection, table, key)

    def following(
        self, source: Table, keys: Sequence[Key], before: StoredRows, after: StoredRows
    ) -> Iterator[tuple[Table, Key, Key]]:
        """Yield derived rows that may differ because these source rows do."""
        return following(source, keys, before, after)

    def build(self, stored: StoredRows, write: Write, share: Share) -> Totals:
        """Write hours by week; return the totals. People and projects are held in memory."""
        around = Around(
            *(all_rows(stored, table) for table in (people, departments, projects, project_roles))
        )
        totals = Totals()
        if share.number == 0:
            off = by_person(all_rows(stored, time_off).values())
            for person in around.people.values():
                totals.count_person(person, off.get(person.person_id, ()), around)
        waiting: list[WeekHoursRow] = []
        for some in stored.all_rows(assignments, share):
            for assignment in some.values():
                assert isinstance(assignment, AssignmentRow)
                waiting += week_rows(assignment, around)
            if len(waiting) >= _ROWS_AT_ONCE:
                totals.count_hours(waiting)
                write(week_hours, waiting)
                waiting = []
        totals.count_hours(waiting)
        write(week_hours, waiting)
        return totals

    def join(self, built: Sequence[Totals], write: Write) -> None:
        """Write the totals of all shares together."""
        totals = Totals()
        for each in built:
            totals.include(each)
        for table, rows in totals.rows():
            write(table, rows)


class _Sides(NamedTuple):
    """Rows of one table by key, before a page and after it."""

    before: Mapping[Key, Any]
    after: Mapping[Key, Any]


class _Page:
    """The rows that a page touches, and those of which something else follows for that reason."""

    def __init__(self, before: RowsBefore, after: RowsBefore, stored: StoredRows) -> None:
        self._before, self._after, self._stored = before, after, stored

    def hours(self) -> tuple[dict[Key, WeekHoursRow], dict[Key, WeekHoursRow]]:
        """Return the hours by week of all assignments concerned, before and after."""
        referring = self._referring()
        concerned = self._sides(assignments, referring)
        around = self._around([*concerned.before.values(), *concerned.after.values()])
        weeks = {
            key: _weeks_changed(concerned.before.get(key), concerned.after.get(key))
            for key in self._after[assignments]
            if key not in referring
        }
        before, after = (
            {
                (row.assignment_id, row.week_start): row
                for key, each in rows.items()
                if each is not None
                for row in week_rows(each, surroundings, weeks=weeks.get(key))
            }
            for rows, surroundings in zip(concerned, around, strict=True)
        )
        return before, after

    def _referring(self) -> dict[Key, Row | None]:
        found: dict[Key, Row | None] = {}
        for table, column in _REFERRED:
            keys = self._changed(table)
            found |= self._stored.rows_with(assignments, column, keys)
        return found

    def _changed(self, table: Table) -> list[Key]:
        before, after = self._before[table], self._after[table]
        return [key for key, row in after.items() if row != before.get(key)]

    def _sides(self, table: Table, stored: Mapping[Key, Any]) -> _Sides:
        """Return the rows of a page with others, which the page may have changed."""
        before = ChainMap(dict(self._before[table]), dict(stored))
        return _Sides(before, ChainMap(dict(self._after[table]), before))

    def _around(self, concerned: Iterable[AssignmentRow | None]) -> tuple[Around, Around]:
        rows = [each for each in concerned if each is not None]
        sides = [
            self._loaded(table, {getattr(row, column) for row in rows})
            for table, column in _REFERRED
        ]
        (people_before, projects_before, roles_before) = (each.before for each in sides)
        (people_after, projects_after, roles_after) = (each.after for each in sides)
        return (
            Around(people_before, {}, projects_before, roles_before),
            Around(people_after, {}, projects_after, roles_after),
        )

    def _loaded(self, table: Table, keys: Iterable[Key]) -> _Sides:
        unknown = set(keys) - self._before[table].keys() - {None}
        return self._sides(table, self._stored.rows(table, sorted(unknown)))

    def count_people(self, totals: Totals) -> None:
        """Count the capacity of all people concerned out as it was, and in as it is."""
        moved = self._stored.rows_with(people, "department_id", self._changed(departments))
        off_changed = [key[0] for key in self._changed(time_off)]
        keys = {*moved, *off_changed, *self._changed(people)}
        if not keys:
            return
        concerned = self._loaded(people, keys)
        off = self._sides(time_off, self._stored.rows_with(time_off, "person_id", sorted(keys)))
        belongs = [
            row.department_id for side in concerned for row in side.values() if row is not None
        ]
        places = self._loaded(departments, belongs)
        for sign, side, absent, around in (
            (-1, concerned.before, off.before, places.before),
            (1, concerned.after, off.after, places.after),
        ):
            absences = by_person(absent.values())
            for key in keys:
                if (person := side.get(key)) is not None:
                    surroundings = Around({}, around, {}, {})
                    totals.count_person(person, absences.get(key, ()), surroundings, sign)


def _weeks_changed(before: AssignmentRow | None, after: AssignmentRow | None) -> set[str] | None:
    """Return the weeks whose hours changed, if nothing else did; None: any may have."""
    if before is None or after is None:
        return None
    if any(getattr(before, field) != getattr(after, field) for field in _FACTS):
        return None
    # By both: two changes may bear the same time, and one may say again what was.
    units = by_week(before.weekly_hours).items() ^ by_week(after.weekly_hours).items()
    times = changed_at_us_by_week(before).items() ^ changed_at_us_by_week(after).items()
    return {week for week, _ in units | times}


def _changed(
    before: Mapping[Key, WeekHoursRow], after: Mapping[Key, WeekHoursRow]
) -> dict[Key, Row | None]:
    changed: dict[Key, Row | None] = {
        key: row for key, row in after.items() if before.get(key) != row
    }
    changed.update((key, None) for key in before if key not in after)
    return changed


def _added(table: Table, sums: Sums, stored: StoredRows) -> dict[Key, Row | None]:
    """Return the totals of a table with figures added; without any left there is no row."""
    known, row_class = stored.rows(table, list(sums)), TOTALS[table]
    rows: dict[Key, Row | None] = {}
    for key, more in sums.items():
        row = known.get(key)
        figures = (
            more
            if row is None
            else [
                figure + each for figure, each in zip(astuple(row)[len(key) :], more, strict=True)
            ]
        )
        rows[key] = row_class(*key, *figures) if any(figures) else None
    return rows


def all_rows(stored: StoredRows, table: Table) -> dict[Key, Any]:
    """Return every row of a table by its key, all in memory."""
    return {key: row for some in stored.all_rows(table) for key, row in some.items()}


def by_person(rows: Iterable[TimeOffRow | None]) -> dict[int, list[TimeOffRow]]:
    """Return time off by the person who takes it."""
    found: dict[int, list[TimeOffRow]] = {}
    for row in rows:
        if row is not None:
            found.setdefault(row.person_id, []).append(row)
    return found
