"""What is exported in any format is taken over again: the same plan, and no event twice."""

import io
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.assignments import imports
from domain.assignments.records import LISTS
from domain.errors import Invalid
from domain.names import name_fault
from interfaces.planning_sheets import Format, check_list, given_records, write_document
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything
from tests.support.planning import Planned, planning, planning_document, take_over
from tests.support.workbooks import archive, workbook

FORMATS: tuple[Format, ...] = ("json", "csv", "xlsx")
LIMIT = 2**24


def exported(document: Any, format_: Format) -> dict[str, bytes]:
    """Return the files of a document, by list: all in one but for CSV."""
    files = {}
    for key in LISTS if format_ == "csv" else ("assignments",):
        file = io.BytesIO()
        write_document(file, document, format_, key=key, details=[("position", 7)])
        files[key] = file.getvalue()
    return files


async def take_over_files(planned: Planned, files: dict[str, bytes], format_: Format) -> int:
    """Import files in the order of their lists, and return how many events they made."""
    events = 0
    for key, text in files.items():
        records = given_records(io.BytesIO(text), format_, key=key, limit_bytes=LIMIT)
        events += (await planned.import_records(command(), records=records)).result.events
    return events


NAMES = st.one_of(
    st.sampled_from(["=1+1", "'=1+1", "-7", "@x", '"', "a,b;c", "_x0041_", " Ada ", "007", "TRUE"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"), min_size=1),
).filter(lambda text: not name_fault(text))
IDS = st.integers(1, 3) | st.just(2**53 - 1)
HOURS = st.integers(1, 1_680_000).map(lambda units: units / 10_000)
WEEKS = st.sampled_from(["0001-01-07", "2026-03-01", "2026-03-08", "9999-12-26"])
YES = st.booleans()


def listed(**fields: Any) -> st.SearchStrategy[list[dict[str, Any]]]:
    records = st.dictionaries(IDS, st.fixed_dictionaries(fields), max_size=3)
    return records.map(lambda by_id: [{"id": number, **each} for number, each in by_id.items()])


PLANS = st.fixed_dictionaries(
    {
        "verticals": listed(name=NAMES),
        "departments": listed(name=NAMES, is_active=YES),
        "roles": listed(name=NAMES, sort_order=st.integers(-9, 9), is_active=YES),
        "people": listed(
            name=NAMES,
            weekly_capacity=st.integers(0, 60),
            hire_date=st.none() | st.dates().map(str),
            is_active=YES,
        ),
        "projects": listed(
            name=NAMES, client=NAMES | st.just(""), status=NAMES | st.just(""), is_active=YES
        ),
        "project_roles": listed(name=NAMES),
        "assignments": listed(is_active=YES, weekly_hours=st.dictionaries(WEEKS, HOURS)),
    }
)


def completed(plan: dict[str, Any]) -> dict[str, Any]:
    """Return a plan whose assignments are somebody's, and whose roles are mapped."""
    people = [each["id"] for each in plan["people"]] or [None]
    roles = [each["id"] for each in plan["roles"]]
    for place, each in enumerate(plan["assignments"]):
        each["person_id"] = people[place % len(people)]
    if people == [None]:
        plan["assignments"] = []
    plan["global_role_mappings"] = [
        {"project_role_id": each["id"], "people_role_ids": roles} for each in plan["project_roles"]
    ]
    return plan


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS.map(completed))
def test_any_plan_survives_every_format(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("plans")

    def fresh(name: str) -> str:
        (folder / name).write_bytes(migrated_file.read_bytes())
        return f"sqlite:///{folder / name}"

    @asynchronous
    async def check() -> None:
        async with planning(fresh("first.db")) as planned:
            await take_over(planned, plan)
            document = await planned.export_document()
        for format_ in FORMATS:
            files = exported(document, format_)
            async with planning(fresh(f"{format_}.db")) as other:
                await take_over_files(other, files, format_)
                assert await other.export_document() == document, format_
                assert await take_over_files(other, files, format_) == 0, format_

    check()


@asynchronous
async def test_sheets_come_in_batches_too(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH_RECORDS", 2)
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        document = await planned.export_document()
        for format_ in FORMATS:
            files = exported(document, format_)
            assert await take_over_files(planned, files, format_) == 0


@pytest.mark.parametrize(
    ("format_", "text", "pointer"),
    [
        ("csv", b"id,person_id,2026-03-01\n1001,17,8\n1002,17,soon\n", "/assignments/row 3/weekly"),
        ("csv", b"id,person_id,2026-03-01\n1001,17,8\n1002,99,8\n", "/assignments/row 3/person_id"),
        ("csv", b'id,person_id,2026-03-01\n1001,17,8\n1002,"17\n', "/assignments/row 3"),
        ("csv", b"id,person_id,2026-03-02\n1001,17,8\n", "/assignments/row 1/column C"),
        ("xlsx", workbook("<row><c/></row>", sheet="Plan"), "/Plan"),
        ("xlsx", archive({"a": "b"}), ""),
        (
            "xlsx",
            workbook(
                '<row><c t="str"><v>id</v></c><c t="str"><v>person_id</v></c>'
                '<c t="str"><v>2026-03-01</v></c></row><row><c><v>1001</v></c><c><v>17</v></c>'
                "<c><f>4+4</f><v>8</v></c></row>"
            ),
            "/assignments/row 2/2026-03-01",
        ),
    ],
    ids=["hours", "reference", "quote", "monday", "sheet", "archive", "formula"],
)
@asynchronous
async def test_nothing_of_a_sheet_with_a_fault_is_taken_over(
    store_url: str, monkeypatch: pytest.MonkeyPatch, format_: str, text: bytes, pointer: str
) -> None:
    monkeypatch.setattr(imports, "BATCH_RECORDS", 1)
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        before = await everything(planned.ledger)
        with pytest.raises(Invalid) as caught:
            await take_over_files(planned, {"assignments": text}, cast(Format, format_))
        assert caught.value.faults[0][0].startswith(pointer)
        assert await everything(planned.ledger) == before


@asynchronous
async def test_a_sheet_is_read_leniently_as_a_document_is(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        text = b'id,person_id,2026-03-01,2026-03-08\n1001,17,soon,"7,5"\n'
        records = given_records(io.BytesIO(text), "csv", key="assignments", limit_bytes=LIMIT)
        done = await planned.import_records(command(), records=records, lenient=True)
        assert [(each.pointer, each.read_as) for each in done.result.lenient_cells] == [
            ("/assignments/row 2/weekly_hours/2026-03-01", "0"),
            ("/assignments/row 2/weekly_hours/2026-03-08", "0"),
        ]


def test_text_that_a_workbook_would_change_is_refused() -> None:
    document: dict[str, Any] = {key: [] for key in LISTS}
    document["roles"] = [{"id": 1, "name": "a\uffff", "sort_order": 0, "is_active": True}]
    with pytest.raises(Invalid, match="/format: name: found a character that is none"):
        exported(document, "xlsx")
    assert "a\uffff" in exported(document, "csv")["roles"].decode()


def test_more_weeks_than_columns_are_refused() -> None:
    document: dict[str, Any] = {key: [] for key in LISTS}
    hours = {f"week {number}": 1 for number in range(17_000)}
    document["assignments"] = [{"id": 1, "weekly_hours": hours}]
    with pytest.raises(Invalid, match="found 17006 columns"):
        exported(document, "csv")


def test_a_list_that_no_document_has_is_told() -> None:
    with pytest.raises(Invalid, match="/list: found 'offices', known here: verticals"):
        check_list("offices")
