"""The report in forty lines of plain Python, over a planning document: what every source must say.

It knows nothing of tables and events. Hours are exact: whole units of 1/10 000 hour, and fractions.
"""

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

Document = dict[str, Any]


def report(document: Document, question: Any) -> dict[str, Any]:
    """Return roles in their order, exact figures by (week, role), and the summary."""
    by_id = {kind: {row["id"]: row for row in document[kind]} for kind in (
        "departments", "roles", "people", "projects", "project_roles")}  # fmt: skip
    roles = sorted(
        (row for row in document["roles"] if row["is_active"]),
        key=lambda row: (row["sort_order"], row["name"], row["id"]),
    )
    listed = [row["id"] for row in roles if not question.role_ids or row["id"] in question.role_ids]

    def counts(person: Document, week: str) -> bool:
        first, last = date.fromisoformat(week), date.fromisoformat(week) + timedelta(days=6)
        hired, left = person["hire_date"] or "0001-01-01", person["leaving_date"] or "9999-12-31"
        strict = question.gating == "strict"
        begun = hired <= str(first if strict else last)
        return begun and str(last if strict else first) <= left

    def shown(assignment: Document) -> bool:
        project = by_id["projects"].get(assignment["project_id"], {})
        told = f"{project.get('name', '')}\n{project.get('client', '')}".lower()
        return (
            assignment["is_active"]
            and (question.include_tentative or assignment["probability_percent"] == 100)
            and question.vertical_id in (None, project.get("vertical_id"))
            and not any(word.lower() in told for word in question.hidden_words)
        )

    people = {
        person["id"]: person
        for person in document["people"]
        if person["is_active"] and person["role_id"] is not None
        and question.department_id in (None, person["department_id"])
    }  # fmt: skip
    hours: dict[Any, int] = defaultdict(int)
    wanted: dict[Any, int] = defaultdict(int)
    for each in filter(shown, document["assignments"]):
        for week, units in each["weekly_units"].items():
            person = people.get(each["person_id"])
            if week in question.weeks and person and counts(person, week):
                hours[person["id"], week] += units
            project_role = by_id["project_roles"].get(each["project_role_id"])
            if week in question.weeks and each["person_id"] is None and project_role:
                places = (each["department_id"], project_role["department_id"])
                template = by_id["projects"].get(each["project_id"], {}).get("template_id")
                if question.department_id in (None, *places):
                    wanted[template, project_role["id"], week] += units
    if question.filter_out_lt5h:
        first_weeks = question.weeks[:4]
        busy = {who for (who, week), units in hours.items()
                if week in first_weeks and units >= 50_000}  # fmt: skip
        people = {who: person for who, person in people.items() if who in busy}
    assigned: dict[Any, int] = defaultdict(int)
    for (who, week), units in hours.items():
        if who in people:
            assigned[week, people[who]["role_id"]] += units
    capacity: dict[Any, int] = defaultdict(int)
    heads: dict[Any, int] = defaultdict(int)
    for person in people.values():
        department = by_id["departments"].get(person["department_id"], {})
        if question.vertical_id in (None, department.get("vertical_id")):
            for week in filter(lambda week: counts(person, week), question.weeks):
                off = person["time_off"].get(week, 0) if question.include_time_off else 0
                capacity[week, person["role_id"]] += person["weekly_capacity_units"] - off
                heads[week, person["role_id"]] += 1
    mappings = {(row["template_id"], row["project_role_id"]): row["role_ids"]
                for row in document["mappings"] if row["role_ids"]}  # fmt: skip
    projected: dict[Any, Fraction] = defaultdict(Fraction)
    mapped = unmapped = 0
    for (template, project_role_id, week), units in wanted.items():
        for role_id in mappings.get((template, project_role_id), ()):
            projected[week, role_id] += Fraction(units, len(mappings[template, project_role_id]))
        if (template, project_role_id) in mappings:
            mapped += units
        else:
            unmapped += units
    pairs = {key[:2] for key, units in wanted.items() if units and key[:2] in mappings}

    def cells(figures: dict[Any, Any]) -> dict[Any, Any]:
        return {
            (week, role): figures[week, role]
            for week in question.weeks
            for role in listed
            if figures.get((week, role))
        }

    summary = (mapped, unmapped, len(pairs)) if listed else (0, 0, 0)
    return {"roles": listed, "assigned": cells(assigned), "capacity": cells(capacity),
            "people": cells(heads), "projected": cells(projected), "summary": summary}  # fmt: skip
