"""Which derived rows may differ between two pasts because source rows do."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Table

from projections.projection import Key, StoredRows
from projections.role_capacity.counting import Around, Totals
from projections.role_capacity.tables import assignments, departments, people, time_off
from projections.role_capacity.totals import WeekHoursRow, week_hours

# What assignments refer to, and by which column of theirs, which hours by week have too.
_REFERRED = {
    "people": "person_id", "projects": "project_id", "project_roles": "project_role_id"
}  # fmt: skip

Linked = Iterator[tuple[Table, Key, Key]]


def following(source: Table, keys: Sequence[Key], before: StoredRows, after: StoredRows) -> Linked:
    """Yield derived tables and keys with the key of the source row that is behind them."""
    if source is assignments or source.name in _REFERRED:
        yield from _hours(source, keys, before, after)
    if source in (people, time_off, departments):
        yield from _capacity(source, keys, before, after)


def _hours(source: Table, keys: Sequence[Key], before: StoredRows, after: StoredRows) -> Linked:
    column = _REFERRED.get(source.name, "assignment_id")
    sides = (before, after)
    ids = list(keys)
    if source is not assignments:
        found = (each.rows_with(assignments, column, keys) for each in sides)
        ids = sorted({key for rows in found for key in rows})
    old, new = (each.rows_with(week_hours, "assignment_id", ids) for each in sides)
    wanted = set(keys)
    for key in {*old, *new}:
        rows: list[Any] = [old.get(key), new.get(key)]
        if rows[0] != rows[1]:
            behind = {getattr(row, column) for row in rows if row is not None} & wanted
            yield from ((week_hours, key, each) for each in behind)
            yield from (link for each in behind for link in _totals(rows, each))


def _totals(rows: list[WeekHoursRow | None], source_key: Key) -> Linked:
    # The moment of the last change, in whichever week, is no part of a total.
    figures = [None if row is None else replace(row, updated_at_us=0) for row in rows]
    if figures[0] == figures[1]:
        return
    for row in figures:
        if row is not None:
            yield from _spread(Totals(), [row], source_key)


def _spread(totals: Totals, rows: list[WeekHoursRow], source_key: Key) -> Linked:
    totals.count_hours(rows)
    for table, sums in totals.spread().items():
        for key in sums:
            yield table, key, source_key


def _capacity(source: Table, keys: Sequence[Key], before: StoredRows, after: StoredRows) -> Linked:
    for side in (before, after):
        if source is departments:
            concerned = side.rows_with(people, "department_id", keys)
        else:
            ids = {key[0] for key in keys} if source is time_off else set(keys)
            concerned = side.rows(people, sorted(ids))
        yield from _steps(source, keys, side, concerned)


def _steps(
    source: Table, keys: Sequence[Key], side: StoredRows, concerned: dict[Key, Any]
) -> Linked:
    places = {each.department_id for each in concerned.values()} - {None}
    around = Around({}, side.rows(departments, sorted(places)), {}, {})
    off = side.rows_with(time_off, "person_id", sorted(concerned))
    for person_id, person in concerned.items():
        absent: list[Any] = [row for key, row in off.items() if key[0] == person_id]
        totals = Totals()
        totals.count_person(person, absent, around)
        behind = [person_id] if source is people else [person.department_id]
        if source is time_off:
            behind = [key for key in keys if key[0] == person_id]
        for each in behind:
            yield from _spread(totals, [], each)
