"""A planning document is read whole: every fault by its pointer, or all of it."""

import json
from typing import Any

import pytest

from domain.assignments.references import References, references
from domain.errors import Invalid
from tests.support.planning import ReadPlan, planning_document, read_plan


def read(document: Any, **options: Any) -> ReadPlan:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_plan(text, **options)


def faults(document: Any, **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        read(document, **options)
    return list(caught.value.faults)


def test_reads_every_list() -> None:
    found = read(planning_document())
    assert found.people[0].name == "Ada Lovelace"
    assert found.people[0].facts.weekly_capacity_units == 360_000
    assert found.template_role_mappings[0].role_ids == (4, 9)
    assert found.global_role_mappings[0].template_id is None
    assert found.assignments[0].units_by_week == {"2026-03-01": 75_000, "2026-03-08": 80_000}
    assert found.lenient_cells == ()
    assert outside(found) == []


def test_lists_and_fields_may_be_left_out() -> None:
    (role,) = read({"roles": [{"id": 4, "name": "Engineer"}]}).roles
    assert (role.sort_order, role.is_active) == (0, True)
    assert read({}).every == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "no JSON: Expecting value at line 1, column 1"),
        (b"[]", "found [], an object with lists is needed"),
        (b"\xff", "byte 0 is not UTF-8"),
        (b'{"roles": [], "roles": []}', "the key 'roles' stands twice in one object"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5_000, "a number is too long"),
    ],
)
def test_refuses_what_is_no_document(text: bytes, told: str) -> None:
    ((pointer, detail),) = faults(text)
    assert pointer == ""
    assert detail.startswith(told)


def test_a_week_that_stands_twice_is_a_fault() -> None:
    text = b'{"assignments": [{"id": 1, "weekly_hours": {"2026-03-01": 1, "2026-03-01": 2}}]}'
    assert faults(text) == [("", "the key '2026-03-01' stands twice in one object")]


def test_every_fault_has_its_pointer() -> None:
    document = {
        "roles": [{"id": 4, "name": "Engineer"}, {"id": 4, "name": "Designer", "colour": "red"}],
        "people": [
            {"id": 0, "name": "Ada", "weekly_capacity": -1},
            {"id": 17, "name": "", "hire_date": "soon", "is_active": "yes"},
            "Grace",
        ],
        "departments": {"id": 1},
        "projects": [{"id": True, "name": 5, "client": ["a"]}],
        "global_role_mappings": [{"project_role_id": 8, "people_role_ids": [4, "x"]}],
        "assignments": [
            {"id": 1, "person_id": 17, "weekly_hours": {"2026-03-01": "abc", "then": 1}},
            {"id": 2},
        ],
        "offices": [],
    }
    assert [pointer for pointer, _ in faults(document)] == [
        "/offices",
        "/departments",
        "/roles/1/colour",
        "/people/0/id",
        "/people/0/weekly_capacity",
        "/people/1/name",
        "/people/1/hire_date",
        "/people/1/is_active",
        "/people/2",
        "/projects/0/id",
        "/projects/0/name",
        "/projects/0/client",
        "/global_role_mappings/0/people_role_ids",
        "/assignments/0/weekly_hours/2026-03-01",
        "/assignments/0/weekly_hours/then",
        "/assignments/1",
    ]


def test_ids_that_stand_twice_are_named_with_their_place() -> None:
    roles = [{"id": 4, "name": "Engineer"}, {"id": 9, "name": "Designer"}]
    assert faults({"roles": [*roles, {"id": 4, "name": "Other"}]}) == [
        ("/roles/2/id", "found 4, which stands at 0 already")
    ]
    mapping = {"template_id": 6, "project_role_id": 8, "people_role_ids": []}
    other = mapping | {"template_id": 7}
    assert faults({"template_role_mappings": [mapping, other, mapping]}) == [
        ("/template_role_mappings/2/template_id", "found 6, 8, which stands at 0 already")
    ]


def test_a_name_is_never_repeated_in_a_message() -> None:
    ((_, detail),) = faults({"people": [{"id": 17, "name": "Ada\x07Lovelace"}]})
    assert "Ada" not in detail
    ((_, detail),) = faults({"people": [{"id": 17, "name": ["Ada"]}]})
    assert detail == "found a list, text is needed"


def test_very_many_faults_are_counted() -> None:
    found = faults({"roles": [{"id": 0, "name": "Engineer"}] * 2_000})
    assert found[0] == ("", "found 2000 faults, of which the first 1000 follow")
    assert len(found) == 1_001


@pytest.mark.parametrize("hours", ["NaN", "Infinity", "1e300", "-3", "0.00001", "169", "true"])
def test_hours_that_no_week_has_are_refused(hours: str) -> None:
    cells = f'{{"2026-03-01": {hours}}}'
    text = f'{{"assignments": [{{"id": 1, "person_id": 2, "weekly_hours": {cells}}}]}}'
    ((pointer, _),) = faults(text.encode())
    assert pointer == "/assignments/0/weekly_hours/2026-03-01"


def test_leniently_hours_are_read_as_the_original_does_and_listed() -> None:
    text = b"""{"people": [{"id": 1, "name": "Ada", "weekly_capacity": -8}],
    "assignments": [
        {"id": 1, "person_id": 1, "weekly_hours": {"2026-03-01": NaN, "2026-03-08": " 4 "}},
        {"id": 2, "person_id": 1, "weekly_hours": [8]},
        {"id": 3, "weekly_hours": {"2026-03-01": 8}}]}"""
    found = read(text, lenient=True)
    assert found.people[0].facts.weekly_capacity_units == -80_000
    assert [dict(each.units_by_week) for each in found.assignments] == [
        {"2026-03-01": 0, "2026-03-08": 40_000},
        {},
        {"2026-03-01": 80_000},
    ]
    assert [(each.pointer, each.found, each.read_as) for each in found.lenient_cells] == [
        ("/people/0/weekly_capacity", "-8", "-8"),
        ("/assignments/0/weekly_hours/2026-03-01", "NaN", "0"),
        ("/assignments/0/weekly_hours/2026-03-08", "' 4 '", "4"),
        ("/assignments/1/weekly_hours", "a list", "no hours"),
        ("/assignments/2", "of nobody", "not counted"),
    ]


def test_leniently_what_cannot_be_counted_is_refused_all_the_same() -> None:
    text = b'{"assignments": [{"id": 1, "person_id": 1, "weekly_hours": {"2026-03-01": 1e300}}]}'
    ((pointer, detail),) = faults(text, lenient=True)
    assert pointer == "/assignments/0/weekly_hours/2026-03-01"
    assert detail == "found 1E+300, at most 1000000 hours can be counted"


def test_what_a_document_does_not_hold_is_told_with_its_place() -> None:
    document = planning_document()
    document["assignments"][0]["person_id"] = 99
    document["departments"][1]["parent_id"] = 98
    found = read(document)
    missing = outside(found)
    assert missing == [("departments", 98), ("people", 99)]
    named = [each for record in found.every for each in references(record.facts, record.pointer)]
    assert [each.pointer for each in named if each[1:] in missing] == [
        "/departments/1/parent_id",
        "/assignments/0/person_id",
    ]


def outside(found: ReadPlan) -> list[tuple[str, int]]:
    noted = References()
    for each in found.every:
        noted.note(each.facts)
    return list(noted.outside)
