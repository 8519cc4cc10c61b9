"""The report: which roles it lists, where its figures come from, and placeholders split exactly."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from projections.role_capacity import from_json, from_totals, from_week_rows, in_python
from projections.role_capacity.questions import (
    Answered,
    Cell,
    Failed,
    Figures,
    ListedRole,
    Question,
    Report,
    Source,
    Summary,
    Wanted,
)
from projections.role_capacity.tables import planning_news, role_mappings, roles

FIGURES: dict[Source, Callable[[Connection, Question], Figures]] = {
    "rollup": from_totals.figures,
    "normalized": from_week_rows.figures,
    "jsonb": from_json.figures,
    "python": in_python.figures,
}
# Asked in this order when another has failed: each needs less of the database than the one before.
_INSTEAD: tuple[Source, ...] = ("normalized", "python")


def role_capacity_report(
    connection: Connection,
    *,
    question: Question,
    source: Source = "rollup",
    figures_of: Mapping[Source, Callable[[Connection, Question], Figures]] = FIGURES,
) -> Answered:
    """Return the report from a source, or from the next where that one fails or cannot know.

    Raises what the last of them raises. The transaction stays sound whatever fails.
    """
    first: Source = "normalized" if source == "rollup" and question.needs_rows else source
    failed: list[Failed] = []
    chain = list(dict.fromkeys((first, *_INSTEAD)))
    for each in chain:
        try:
            with connection.begin_nested():
                figures = figures_of[each](connection, question)
        except Exception as error:
            is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
            if is_lost or each == chain[-1]:
                raise
            failed.append(Failed(each, _told(error)))
        else:
            report = _report(connection, question, figures)
            return Answered(report, each, source, tuple(failed))
    raise AssertionError("unreachable: the last source answers or raises")


def last_news(connection: Connection) -> int:
    """Return the position of the last event that can have changed any report."""
    found = connection.scalar(select(func.max(planning_news.c.position)))
    return found or 0


def _told(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return f"{type(cause).__name__}: {cause}"


def _report(connection: Connection, question: Question, figures: Figures) -> Report:
    listed = _listed(connection, question)
    if not listed:
        return Report(question.weeks, (), figures, {}, Summary())
    projected, summary = split(figures.placeholders, mappings_of(connection))
    return Report(question.weeks, listed, figures, projected, summary)


def mappings_of(connection: Connection) -> dict[tuple[str, int], list[int]]:
    """Return the roles that serve each project role, by template (empty: none)."""
    found = connection.execute(select(role_mappings))
    return {
        (row.template, row.project_role_id): [int(each) for each in row.role_ids.split(",")]
        for row in found
    }


def _listed(connection: Connection, question: Question) -> tuple[ListedRole, ...]:
    columns = roles.c
    found = connection.execute(
        select(columns.role_id, columns.name)
        .where(columns.is_active == 1)
        .order_by(columns.sort_order, columns.name, columns.role_id)
    )
    wanted = set(question.role_ids)
    return tuple(ListedRole(*row) for row in found if not wanted or row.role_id in wanted)


def split(
    placeholders: Mapping[Wanted, int], mappings: Mapping[tuple[str, int], list[int]]
) -> tuple[dict[Cell, Fraction], Summary]:
    """Share hours that nobody has yet evenly among the roles that serve a project role.

    A project with a template goes by the mapping of its template alone.
    """
    projected: dict[Cell, Fraction] = defaultdict(Fraction)
    mapped = unmapped = 0
    used = set()
    for (template, project_role_id, week), units in placeholders.items():
        role_ids = mappings.get((template, project_role_id))
        if not role_ids:
            unmapped += units
            continue
        mapped += units
        if units:
            used.add((template, project_role_id))
        for role_id in role_ids:
            projected[week, role_id] += Fraction(units, len(role_ids))
    return dict(projected), Summary(mapped, unmapped, len(used))
