"""The whole life of bookings, in any order, agrees with a few lines of plain Python.

Two ledgers on one database take turns, so that each step may meet states that are not the newest.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from application.ledger import Ledger, UnitOfWork
from application.ledger.library import ledger_store
from application.suppliers import BookingState, Chosen, Match, Suppliers
from domain.errors import DomainError
from domain.suppliers import SupplierCapacity
from tests.support.ledgers import Clock, command, query
from tests.support.offers import ZIP, offers_document

NAMES = ["ACME", "BETA", "GAMMA"]
REGISTRATIONS = [f"R{number}" for number in range(7)]
DEMO: dict[str, Any] = {"line": "sbus", "scenario": "demo"}

suppliers = st.sampled_from([*NAMES, "NOBODY"])
registrations = st.sampled_from(REGISTRATIONS)
capacities = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1)
ledgers = st.integers(0, 1)
matches = st.lists(st.tuples(registrations, suppliers), min_size=1, max_size=5)


class Model:
    """What is true, as anybody would write it down."""

    def __init__(self) -> None:
        self.offers: dict[str, int] = {}
        self.capacity: dict[str, int] | None = None
        self.held: dict[str, str] = {}

    def used(self, supplier: str) -> int:
        return list(self.held.values()).count(supplier)

    def open(self) -> None:
        if self.capacity is None:
            self.capacity = dict(self.offers)

    def resync(self) -> str | None:
        if self.capacity is None:
            return "ScenarioNotFound"
        self.capacity = dict.fromkeys(self.capacity, 0) | self.offers
        return None

    def reset(self) -> str | None:
        if self.capacity is None:
            return "ScenarioNotFound"
        self.held = {}
        return None

    def book(self, registration: str, supplier: str) -> str:
        if self.capacity is None:
            return "ScenarioNotFound"
        if supplier not in self.capacity:
            return "SupplierNotFound"
        if registration in self.held:
            return "already_booked" if self.held[registration] == supplier else "BookedElsewhere"
        if self.used(supplier) >= self.capacity[supplier]:
            return "CapacityExceeded"
        self.held[registration] = supplier
        return "booked"

    def release(self, registration: str) -> str:
        if self.capacity is None:
            return "ScenarioNotFound"
        if registration not in self.held:
            return "BookingNotFound"
        del self.held[registration]
        return "released"

    def reassign(self, registration: str, supplier: str) -> str:
        if self.capacity is None:
            return "ScenarioNotFound"
        if registration not in self.held:
            return "BookingNotFound"
        if supplier not in self.capacity:
            return "SupplierNotFound"
        if self.held[registration] == supplier:
            return "already_booked"
        if self.used(supplier) >= self.capacity[supplier]:
            return "CapacityExceeded"
        self.held[registration] = supplier
        return "reassigned"

    def choose(self, registration: str) -> tuple[str, str]:
        if self.capacity is None:
            return "ScenarioNotFound", ""
        if registration in self.held:
            return "already_booked", self.held[registration]
        room = {
            supplier: (Fraction(self.used(supplier), slots), self.used(supplier) - slots, supplier)
            for supplier, slots in self.capacity.items()
            if self.used(supplier) < slots
        }
        if not room:
            return "unmatched", ""
        self.held[registration] = min(room, key=lambda supplier: room[supplier])
        return "booked", self.held[registration]


class BookingLife(RuleBasedStateMachine):
    """Does every step both ways."""

    new_store: Callable[[], str]

    @initialize(offers=capacities, opened=st.sampled_from([True, True, True, False]))
    def begin(self, offers: dict[str, int], opened: bool) -> None:
        url = type(self).new_store()
        self.model = Model()
        self.runner = asyncio.Runner()
        self.ledgers = [Ledger(ledger_store(url), clock=Clock()) for _ in range(2)]
        self.use_cases = [Suppliers(ledger) for ledger in self.ledgers]
        for ledger in self.ledgers:
            self.runner.run(ledger.open())
        self.publish(0, offers)
        if opened:
            self.open(1)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            for ledger in self.ledgers:
                self.runner.run(ledger.close())
            self.runner.close()

    def answer(self, asked: Awaitable[Any]) -> Any:
        """Return the result of a command, or the name of what refused it."""

        async def ask() -> Any:
            try:
                return (await asked).result
            except DomainError as error:
                return type(error).__name__

        return self.runner.run(ask())

    @rule(ledger=ledgers, offers=capacities)
    def publish(self, ledger: int, offers: dict[str, int]) -> None:
        document = offers_document(offers)
        publishing = self.use_cases[ledger].publish_offers
        self.answer(publishing(command(), line="sbus", document=document))
        self.model.offers = offers

    @rule(ledger=ledgers)
    def open(self, ledger: int) -> None:
        self.answer(self.use_cases[ledger].open_scenario(command(), **DEMO))
        self.model.open()

    @rule(ledger=ledgers)
    def resync(self, ledger: int) -> None:
        answer = self.answer(self.use_cases[ledger].resync(command(), **DEMO))
        assert (answer if isinstance(answer, str) else None) == self.model.resync()

    @rule(ledger=ledgers)
    def reset(self, ledger: int) -> None:
        answer = self.answer(self.use_cases[ledger].reset(command(), **DEMO))
        assert (answer if isinstance(answer, str) else None) == self.model.reset()

    @rule(ledger=ledgers, registration=registrations, supplier=suppliers)
    def book(self, ledger: int, registration: str, supplier: str) -> None:
        match = Match(registration, supplier)
        answer = self.answer(self.use_cases[ledger].book(command(), match=match, **DEMO))
        self.check(answer, self.model.book(registration, supplier))

    @precondition(lambda self: self.model.held)
    @rule(ledger=ledgers, data=st.data())
    def say_a_booking_again(self, ledger: int, data: st.DataObject) -> None:
        registration = data.draw(st.sampled_from(sorted(self.model.held)))
        self.book(ledger, registration, self.model.held[registration])

    @rule(ledger=ledgers, registration=registrations)
    def release(self, ledger: int, registration: str) -> None:
        releasing = self.use_cases[ledger].release
        answer = self.answer(releasing(command(), registration_id=registration, **DEMO))
        self.check(answer, self.model.release(registration))

    @rule(ledger=ledgers, registration=registrations, supplier=suppliers)
    def reassign(self, ledger: int, registration: str, supplier: str) -> None:
        reassigning = self.use_cases[ledger].reassign
        answer = self.answer(
            reassigning(command(), registration_id=registration, supplier=supplier, **DEMO)
        )
        self.check(answer, self.model.reassign(registration, supplier))

    @rule(ledger=ledgers, pairs=matches)
    def book_a_list(self, ledger: int, pairs: list[tuple[str, str]]) -> None:
        asked = [Match(*pair) for pair in pairs]
        answers = self.answer(self.use_cases[ledger].book_all(command(), matches=asked, **DEMO))
        expected = [self.model.book(*pair) for pair in pairs]
        assert [
            each.status if isinstance(each, BookingState) else type(each).__name__
            for each in answers
        ] == expected

    @rule(ledger=ledgers, wanted=st.lists(registrations, min_size=1, max_size=6))
    def choose(self, ledger: int, wanted: list[str]) -> None:
        records = [{"registration_id": each, "zip_code": ZIP} for each in wanted]
        answers = self.answer(self.use_cases[ledger].choose(command(), records=records, **DEMO))
        assert [
            (each.status, each.supplier) if isinstance(each, Chosen) else (type(each).__name__, "")
            for each in answers
        ] == [self.model.choose(each) for each in wanted]

    def check(self, answer: str | BookingState, expected: str) -> None:
        if isinstance(answer, str):
            assert answer == expected
            return
        assert answer.status == expected
        assert self.model.capacity is not None
        assert answer.used_slots == self.model.used(answer.supplier)
        assert answer.capacity_slots == self.model.capacity[answer.supplier]

    @invariant()
    def the_counts_agree(self) -> None:
        if not hasattr(self, "model"):
            return

        def look(work: UnitOfWork) -> dict[str, tuple[int, int]]:
            ids: list[UUID] = [SupplierCapacity.identity("sbus", "demo", each) for each in NAMES]
            return {
                each.supplier: (each.capacity_slots, each.used_slots)
                for each in work.get_all(SupplierCapacity, ids)
                if each.exists
            }

        expected = {
            supplier: (slots, self.model.used(supplier))
            for supplier, slots in (self.model.capacity or {}).items()
        }
        assert self.answer(self.ledgers[0].execute(command(), look)) == expected


def live(request: pytest.FixtureRequest, tmp_path: Path, store: str, examples: int) -> None:
    """Let a number of lives be lived, each in an empty ledger."""

    def new_file() -> str:
        file = tmp_path / f"{uuid4().hex}.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), file)
        return f"sqlite:///{file}"

    def emptied() -> str:
        url: str = request.getfixturevalue("shared_url")
        tables = "stored_events, append_groups, replies, snapshots"
        query(url, f"TRUNCATE {tables} RESTART IDENTITY")
        return url

    class Life(BookingLife):
        new_store = staticmethod(new_file if store == "sqlite" else emptied)

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_bookings_live_as_the_model_says(
    request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    live(request, tmp_path, store, examples=25)


@pytest.mark.long
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_many_bookings_live_as_the_model_says(
    request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    live(request, tmp_path, store, examples=1_000)
