"""The source `jsonb`: the hours of each assignment as JSON, taken apart by PostgreSQL."""

from typing import Any

from sqlalchemy import Connection, select, text

from projections.role_capacity.from_week_rows import capacity_of
from projections.role_capacity.hiding import hidden_projects
from projections.role_capacity.questions import (
    LEAST_IN_WEEKS,
    LEAST_UNITS,
    Figures,
    Question,
)


class NeedsPostgres(RuntimeError):
    """JSON is taken apart by PostgreSQL only."""

    def __init__(self) -> None:
        super().__init__("The source jsonb needs PostgreSQL")


# Only assignments with any of the weeks are looked at, which the index tells.
_CELLS = """
SELECT p.person_id, p.role_id, h.week_start, sum(h.units::bigint) AS units
FROM assignments AS a
JOIN people AS p ON p.person_id = a.person_id
LEFT JOIN projects AS j ON j.project_id = a.project_id
CROSS JOIN LATERAL jsonb_each_text(a.weekly_hours) AS h (week_start, units)
WHERE a.is_active = 1 AND p.is_active = 1 AND p.role_id IS NOT NULL
AND a.weekly_hours ?| CAST(:weeks AS text[]) AND h.week_start = ANY(CAST(:weeks AS text[]))
AND h.week_start >= p.{gating}_from AND h.week_start < p.{gating}_until
AND (:tentative OR a.probability_percent >= 100)
AND (CAST(:department AS bigint) IS NULL OR p.department_id = :department)
AND (CAST(:vertical AS bigint) IS NULL OR j.vertical_id = :vertical)
AND (a.project_id IS NULL OR a.project_id <> ALL(CAST(:hidden AS bigint[])))
GROUP BY p.person_id, p.role_id, h.week_start
"""
_KEPT = "SELECT person_id FROM cells WHERE week_start <= :last_of_first AND units >= :least"
_PLACEHOLDERS = """
SELECT coalesce(j.template_id::text, ''), a.project_role_id, h.week_start, sum(h.units::bigint)
FROM assignments AS a
LEFT JOIN projects AS j ON j.project_id = a.project_id
LEFT JOIN project_roles AS r ON r.project_role_id = a.project_role_id
CROSS JOIN LATERAL jsonb_each_text(a.weekly_hours) AS h (week_start, units)
WHERE a.is_active = 1 AND a.person_id IS NULL AND a.project_role_id IS NOT NULL
AND a.weekly_hours ?| CAST(:weeks AS text[]) AND h.week_start = ANY(CAST(:weeks AS text[]))
AND (:tentative OR a.probability_percent >= 100)
AND (CAST(:department AS bigint) IS NULL
    OR a.department_id = :department OR r.department_id = :department)
AND (CAST(:vertical AS bigint) IS NULL OR j.vertical_id = :vertical)
AND (a.project_id IS NULL OR a.project_id <> ALL(CAST(:hidden AS bigint[])))
GROUP BY j.template_id, a.project_role_id, h.week_start
"""


def figures(connection: Connection, question: Question) -> Figures:
    """Return what the hours in JSON come to. Raises NeedsPostgres."""
    if connection.dialect.name != "postgresql":
        raise NeedsPostgres
    values = _values(connection, question)
    cells = f"WITH cells AS ({_CELLS.format(gating=question.gating)})"
    assigned = f"{cells} SELECT week_start, role_id, sum(units) FROM cells"  # noqa: S608 - our own
    kept = None
    if question.filter_out_lt5h:
        assigned += f" WHERE person_id IN ({_KEPT})"
        found = connection.execute(text(f"{cells} {_KEPT}"), values)
        kept = sorted({person_id for (person_id,) in found})
    rows = connection.execute(text(f"{assigned} GROUP BY week_start, role_id"), values)
    capacity, heads = capacity_of(connection, question, kept if kept is None else _these(kept))
    wanted = connection.execute(text(_PLACEHOLDERS), values)
    return Figures(
        assigned={(week, role_id): int(units) for week, role_id, units in rows},
        capacity=capacity,
        people=heads,
        placeholders={(each, role, week): int(units) for each, role, week, units in wanted},
    )


def _these(person_ids: list[int]) -> Any:
    """Select people by their ids, as one value however many they are."""
    ids = text("unnest(CAST(:person_ids AS bigint[])) AS ids").bindparams(person_ids=person_ids)
    return select(text("ids")).select_from(ids)


def _values(connection: Connection, question: Question) -> dict[str, Any]:
    return {
        "weeks": list(question.weeks),
        "tentative": question.include_tentative,
        "department": question.department_id,
        "vertical": question.vertical_id,
        "hidden": hidden_projects(connection, question.hidden_words),
        "last_of_first": question.weeks[:LEAST_IN_WEEKS][-1],
        "least": LEAST_UNITS,
    }
