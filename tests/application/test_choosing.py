"""Registrations are booked with the supplier that the rule chooses, and the answer says why."""

from application.suppliers import Chosen, Suppliers
from domain.suppliers import ScenarioNotFound
from tests.application.sbus_demo import DEMO, suppliers
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command
from tests.support.offers import ZIP, offers_document


def record(registration_id: str, zip_code: object = ZIP, **more: object) -> dict[str, object]:
    return {"registration_id": registration_id, "zip_code": zip_code, **more}


async def chosen(use_cases: Suppliers, *records: object, explained: bool = False) -> list[Chosen]:
    outcome = await use_cases.choose(command(), records=records, explained=explained, **DEMO)
    assert all(isinstance(each, Chosen) for each in outcome.result)
    return [each for each in outcome.result if isinstance(each, Chosen)]


@asynchronous
async def test_each_goes_to_the_least_used_until_all_are_full(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        answers = await chosen(use_cases, *(record(f"R{n}") for n in range(6)))
        assert [each.supplier for each in answers] == ["BETA", "ACME", "BETA", "ACME", "BETA", ""]
        assert answers[-1].status == "unmatched"
        assert answers[-1].reason == f"every supplier that serves {ZIP} is full"
        assert (await use_cases.used(), await use_cases.used("BETA")) == (2, 3)


@asynchronous
async def test_one_that_cannot_be_read_stops_nobody(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        answers = await chosen(
            use_cases, "no record", record("R1", "abc"), record("R2"), record("R3", "99999")
        )
        assert [each.status for each in answers] == ["invalid", "invalid", "booked", "unmatched"]
        assert answers[3].reason == "no supplier serves 99999"


@asynchronous
async def test_choosing_again_books_nothing_more(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        first = await chosen(use_cases, record("R1"))
        again = await chosen(use_cases, record("R1"), record("R1"))
        assert [each.status for each in again] == ["already_booked"] * 2
        assert {each.supplier for each in again} == {first[0].supplier}
        assert await use_cases.used() + await use_cases.used("BETA") == 1


@asynchronous
async def test_the_answer_explains_itself(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await use_cases.book_each("ACME", "R1", "R2")
        (answer,) = await chosen(use_cases, record("R3"), explained=True)
        assert [(each.supplier, each.eligible, each.reason) for each in answer.considered] == [
            ("ACME", False, "full: 2 of 2 used"),
            ("BETA", True, "chosen: 0 of 3 used"),
        ]


@asynchronous
async def test_choosing_follows_a_resync(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        await chosen(use_cases, record("R1"))
        document = offers_document({"ACME": 2, "BETA": 3}, areas={"BETA": ["55419"]})
        await use_cases.publish_offers(command(), line="sbus", document=document)
        await use_cases.resync(command(), **DEMO)
        answers = await chosen(use_cases, record("R2"), record("R3", 55419))
        assert [each.supplier for each in answers] == ["ACME", "BETA"]


@asynchronous
async def test_choosing_in_an_unknown_scenario_is_answered_for_each(store_url: str) -> None:
    async with suppliers(store_url) as use_cases:
        outcome = await use_cases.choose(
            command(), line="sbus", scenario="none", records=[record("R1"), record("R2")]
        )
        assert [type(each) for each in outcome.result] == [ScenarioNotFound] * 2
