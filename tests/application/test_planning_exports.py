"""What was imported can be exported, as it is or as it was; taken over again it changes nothing."""

import json
from typing import Any

from domain.assignments.records import LISTS
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything
from tests.support.planning import planning, planning_document, read_plan, take_over


def said(document: Any) -> Any:
    """Return what a document says, whatever it leaves out."""
    read = read_plan(json.dumps(document).encode())
    return [sorted(getattr(read, each), key=str) for each in LISTS]


@asynchronous
async def test_an_export_says_what_was_imported(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        assert said(await planned.export_document()) == said(planning_document())


@asynchronous
async def test_an_export_taken_over_again_changes_nothing(store_url: str) -> None:
    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        await planned.forget_person(command(), person_id=17)
        exported = await planned.export_document()
        assert exported["people"][0]["name"] == "Person 17 (forgotten)"
        assert (await take_over(planned, exported)).result.events == 0
        assert (await planned.export_document()) == exported


@asynchronous
async def test_an_export_goes_back_to_a_position(store_url: str) -> None:
    async with planning(store_url) as planned:
        first = await take_over(planned, planning_document())
        await planned.end_assignment(command(), assignment_id=1001)
        now, then = [await planned.export_document(up_to=up_to) for up_to in (None, first.position)]
        assert [each["assignments"][0]["is_active"] for each in (now, then)] == [False, True]
        assert await planned.export_document(up_to=0) == {key: [] for key in now}


@asynchronous
async def test_an_export_moves_to_another_ledger(store_url: str, tmp_path: Any) -> None:
    from tests.support.ledgers import migrated

    async with planning(store_url) as planned:
        await take_over(planned, planning_document())
        exported = await planned.export_document()
    async with planning(migrated(f"sqlite:///{tmp_path / 'other.db'}")) as other:
        await take_over(other, exported)
        assert await other.export_document() == exported
        assert len(await everything(other.ledger)) == 15
