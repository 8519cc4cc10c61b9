"""An import makes everything as the document says, or changes nothing."""

from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.assignments import KindCount, imports
from application.ledger import LedgerUnavailable
from domain.assignments import Assignment, Department, Person, Project, Role, RoleMapping
from domain.errors import Invalid
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything, query
from tests.support.planning import Planned, planning, planning_document, take_over


async def faults_of(planned: Planned, document: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        await take_over(planned, document)
    assert await everything(planned.ledger) == []
    return list(caught.value.faults)


@asynchronous
async def test_everything_is_as_the_document_says(store_url: str) -> None:
    async with planning(store_url) as planned:
        outcome = await take_over(planned, planning_document())
        assert outcome.result.counts["people"] == KindCount(added=2)
        assert outcome.result.counts["assignments"] == KindCount(added=2)
        assert outcome.result.week_cells == 3
        person = await planned.newest(Person, 17)
        assert (person.role_id, person.department_id, person.hire_date) == (4, 11, "2026-03-04")
        assert planned.names.open({17: person.name_cipher}) == {17: "Ada Lovelace"}
        roof = await planned.newest(Assignment, 1001)
        assert roof.weeks == (("2026-03-01", 75_000), ("2026-03-08", 80_000))
        assert (await planned.newest(Assignment, 1002)).project_role_id == 8
        assert (await planned.newest(RoleMapping, 6, 8)).role_ids == (4, 9)
        assert (await planned.newest(RoleMapping, None, 8)).role_ids == (4,)
        assert (await planned.newest(Project, 205)).template_id == 6


@asynchronous
async def test_the_same_document_again_records_nothing(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        before = await everything(planned.ledger)
        again = await take_over(planned, planning_document())
        assert (again.result.changed, again.result.events) == (False, 0)
        assert again.result.counts["roles"] == KindCount(unchanged=2)
        assert await everything(planned.ledger) == before


@asynchronous
async def test_only_what_differs_is_recorded(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        document = planning_document()
        document["people"][0]["role_id"] = 9
        document["assignments"][0]["weekly_hours"] = {"2026-03-08": 8, "2026-03-15": 1}
        outcome = await take_over(planned, document)
        assert [type(each).__name__ for each in outcome.events] == ["ChangedRole", "HoursSet"]
        assert outcome.events[1].weeks == (("2026-03-01", 0), ("2026-03-15", 10_000))  # type: ignore[attr-defined] # HoursSet has them


@asynchronous
async def test_what_a_document_does_not_name_stays(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        await take_over(planned, {"roles": [{"id": 5, "name": "Lead"}]})
        assert (await planned.newest(Assignment, 1001)).is_active
        assert (await planned.newest(Role, 5)).name == "Lead"


@asynchronous
async def test_a_document_may_refer_to_what_the_ledger_holds(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        hours = {"2026-04-05": 3}
        more = {"assignments": [{"id": 7, "person_id": 18, "weekly_hours": hours}]}
        await take_over(planned, more)
        assert (await planned.newest(Assignment, 7)).weeks == (("2026-04-05", 30_000),)


@asynchronous
async def test_a_dangling_reference_stops_everything(store_url: str) -> None:
    async with planning(store_url) as planned:
        document = planning_document()
        document["people"][1]["role_id"] = 99
        document["assignments"][1]["project_id"] = 98
        assert await faults_of(planned, document) == [
            ("/people/1/role_id", "found 99, which is not among the roles"),
            ("/assignments/1/project_id", "found 98, which is not among the projects"),
        ]


@asynchronous
async def test_a_hire_date_after_the_last_day_stops_everything(store_url: str) -> None:
    """No batch may be refused once others are stored, so it is found before the first."""
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        await planned.set_leaving_date(command(), person_id=17, leaving_date="2026-12-31")
        before = await everything(planned.ledger)
        document = planning_document()
        document["roles"].append({"id": 5, "name": "Lead"})
        document["people"][0]["hire_date"] = "2027-01-01"
        with pytest.raises(Invalid, match="/people/0/hire_date: Person 17 is hired on 2027-01-01"):
            await take_over(planned, document)
        assert await everything(planned.ledger) == before


@asynchronous
async def test_a_circle_of_departments_stops_everything(store_url: str) -> None:
    async with planning(store_url) as planned:
        document = planning_document()
        document["departments"][1]["parent_id"] = 11
        assert [pointer for pointer, _ in await faults_of(planned, document)] == [
            "/departments/0/parent_id",
            "/departments/1/parent_id",
        ]
        document["departments"] = [{"id": 11, "name": "Roofs", "parent_id": 11}]
        found = await faults_of(planned, {"departments": document["departments"]})
        assert [pointer for pointer, _ in found] == ["/departments/0/parent_id"]


@asynchronous
async def test_a_circle_through_the_ledger_is_found_too(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        before = await everything(planned.ledger)
        document = {"departments": [{"id": 12, "name": "Building", "parent_id": 11}]}
        with pytest.raises(Invalid, match="found 11, which stands below the department 12"):
            await take_over(planned, document)
        assert await everything(planned.ledger) == before


@asynchronous
async def test_a_dry_run_tells_all_and_stores_nothing(store_url: str) -> None:
    async with planning(store_url) as planned:
        trial = await take_over(planned, planning_document(), dry_run=True)
        assert trial.result.counts["people"] == KindCount(added=2)
        assert len(trial.events) == trial.result.events > 0
        assert await everything(planned.ledger) == []
        assert query(store_url, "SELECT count(*) FROM person_keys") == [(0,)]


@asynchronous
async def test_hours_before_the_hire_date_and_of_who_left_are_taken_as_they_are(
    store_url: str,
) -> None:
    async with planning(store_url) as planned:
        document = planning_document()
        document["people"][0] |= {"hire_date": "2027-01-01", "is_active": False}
        await take_over(planned, document)
        assert len((await planned.newest(Assignment, 1001)).weeks) == 2


@asynchronous
async def test_lenient_cells_are_listed(store_url: str) -> None:
    async with planning(store_url) as planned:
        document = planning_document()
        document["assignments"][0]["weekly_hours"]["2026-03-15"] = "soon"
        with pytest.raises(Invalid, match="/assignments/0/weekly_hours/2026-03-15"):
            await take_over(planned, document)
        outcome = await take_over(planned, document, lenient=True)
        assert [each.found for each in outcome.result.lenient_cells] == ["'soon'"]


# Large documents: several transactions.


@asynchronous
async def test_a_large_document_comes_in_batches_parents_first(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH_RECORDS", 2)
    async with planning(store_url) as planned:
        outcome = await take_over(planned, planning_document())
        rows = await everything(planned.ledger)
        assert outcome.result.events == len(rows)
        assert outcome.position == rows[-1].position
        kinds = [row.topic.partition(".")[2].rpartition("_")[0] for row in rows]
        order = ["vertical", "department", "role", "person", "project", "project_role"]
        firsts = [kinds.index(each) for each in order]
        assert all(before < after for before, after in pairwise(firsts))
        added = [row.state for row in rows if row.topic == "assignments.department_added"]
        assert b'"department_id":12' in added[0]
        groups = query(store_url, "SELECT count(*) FROM append_groups")
        assert groups[0][0] > 1


@asynchronous
async def test_an_import_that_was_interrupted_is_ended_by_the_next(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH_RECORDS", 3)
    async with planning(store_url) as planned:
        execute, left = planned.ledger.execute, [4]

        async def until_the_power_fails(*arguments: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                raise LedgerUnavailable("the power failed")
            return await execute(*arguments)

        monkeypatch.setattr(planned.ledger, "execute", until_the_power_fails)
        with pytest.raises(LedgerUnavailable):
            await take_over(planned, planning_document())
        half = len(await everything(planned.ledger))
        monkeypatch.setattr(planned.ledger, "execute", execute)
        again = await take_over(planned, planning_document())
        assert 0 < half < half + again.result.events == len(await everything(planned.ledger))
        assert (await take_over(planned, planning_document())).result.events == 0


@asynchronous
async def test_a_fault_in_the_last_record_stops_the_first_batch(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH_RECORDS", 1)
    async with planning(store_url) as planned:
        document = planning_document()
        document["assignments"][-1]["role_on_project_ref_id"] = 99
        await faults_of(planned, document)


@asynchronous
async def test_without_the_look_ahead_half_of_it_would_stand(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard of the test above: without it, a dangling reference gets in."""
    monkeypatch.setattr(imports, "check_against_ledger", lambda _: lambda work: None)
    async with planning(store_url) as planned:
        document = planning_document()
        document["assignments"][-1]["role_on_project_ref_id"] = 99
        await take_over(planned, document)
        assert await everything(planned.ledger) != []


# Any document.

IDS = st.integers(1, 4)
HOURS = st.integers(0, 1_680_000).map(lambda units: units / 10_000)
WEEKS = st.sampled_from(["2026-03-01", "2026-03-08", "2026-03-15"])
ASSIGNMENTS = st.dictionaries(
    IDS,
    st.fixed_dictionaries(
        {
            "person_id": IDS,
            "is_active": st.booleans(),
            "weekly_hours": st.dictionaries(WEEKS, HOURS),
        }
    ),
)
PARENTS = st.dictionaries(IDS, st.none() | st.integers(1, 4))


def document_of(assignments: Any, parents: Any) -> dict[str, Any]:
    return {
        "departments": [
            # Only one before it is its parent, so that there is no circle.
            {
                "id": number,
                "name": f"D{number}",
                "parent_id": parent if parent in parents and parent < number else None,
            }
            for number, parent in parents.items()
        ],
        "people": [{"id": number, "name": f"P{number}"} for number in range(1, 5)],
        "assignments": [{"id": number, **each} for number, each in assignments.items()],
    }


@pytest.mark.parametrize("batch_records", [1, 1_000])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ASSIGNMENTS, second=ASSIGNMENTS, parents=PARENTS)
def test_what_was_imported_last_is_what_the_ledger_says(
    migrated_file: Any,
    tmp_path_factory: pytest.TempPathFactory,
    batch_records: int,
    first: Any,
    second: Any,
    parents: Any,
) -> None:
    file = tmp_path_factory.mktemp("any") / "capacity.db"
    file.write_bytes(migrated_file.read_bytes())

    @asynchronous
    async def check() -> None:
        async with planning(f"sqlite:///{file}") as planned:
            await take_over(planned, document_of(first, {}))
            document = document_of(second, parents)
            await take_over(planned, deepcopy(document))
            for each in document["assignments"]:
                found = await planned.newest(Assignment, each["id"])
                hours = {week: units / 10_000 for week, units in found.weeks}
                assert hours == {week: h for week, h in each["weekly_hours"].items() if h}
                assert (found.person_id, found.is_active) == (each["person_id"], each["is_active"])
            for each in document["departments"]:
                found = await planned.newest(Department, each["id"])
                assert found.parent_id == each["parent_id"]
            assert (await take_over(planned, document)).result.events == 0

            exported = await planned.export_document()
            assert (await take_over(planned, exported)).result.events == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "BATCH_RECORDS", batch_records)
        check()
