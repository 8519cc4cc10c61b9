"""Given what happened, when somebody decides, then these events or this error."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

import pytest
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, Provenance
from domain.errors import DomainError

A = TypeVar("A", bound=Aggregate)
Fact = tuple[type[Event], dict[str, Any]]

SOMEBODY = Provenance(
    actor="ada@example.org",
    reason="a test",
    command_id=UUID(int=1),
    correlation_id=UUID(int=2),
    recorded_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
)
SOME_ID = UUID(int=7)
BOOKKEEPING = ("originator_id", "originator_version", "provenance", "previous_hash")


def fact(event_class: type[Event], **fields: Any) -> Fact:
    """Name something that happened, without its bookkeeping."""
    return event_class, dict(asdict(event_class(**fields)), **dict.fromkeys(BOOKKEEPING))


class Scenario(Generic[A]):
    """One aggregate, what it has lived through, and what one decision makes of it."""

    def __init__(self, aggregate_class: type[A], aggregate_id: UUID = SOME_ID) -> None:
        self.aggregate = aggregate_class(aggregate_id)
        self._decide: Callable[[A], object] = lambda aggregate: None

    def given(self, *facts: Fact) -> Self:
        """Let the aggregate live through these facts, oldest first."""
        for event_class, fields in facts:
            filled = fields | {
                "originator_id": self.aggregate.id,
                "originator_version": self.aggregate.version + 1,
                "provenance": SOMEBODY,
                "previous_hash": "",
            }
            self.aggregate.fold((event_class(**filled),))
        return self

    def when(self, decide: Callable[[A], object]) -> Self:
        """Remember the decision; `then` and its kin make it."""
        self.aggregate = self.aggregate.bound_to(SOMEBODY)
        self._decide = decide
        return self

    def then(self, *facts: Fact) -> A:
        """Assert that exactly these were recorded, and return the aggregate as it is now."""
        self._decide(self.aggregate)
        recorded = [(type(event), asdict(event)) for event in self.aggregate.collect_events()]
        bare = [(kind, dict(fields, **dict.fromkeys(BOOKKEEPING))) for kind, fields in recorded]
        assert bare == list(facts)
        return self.aggregate

    def then_nothing(self) -> A:
        """Assert that the decision was quiet, and return the aggregate as it is now."""
        return self.then()

    def then_raises(self, error_class: type[DomainError], message: str) -> A:
        """Assert the refusal and its whole message, and that nothing was recorded."""
        before = {name: value for name, value in vars(self.aggregate).items() if name != "_pending"}
        with pytest.raises(error_class) as caught:
            self._decide(self.aggregate)
        assert type(caught.value) is error_class
        assert str(caught.value) == message
        assert self.aggregate.collect_events() == []
        assert before == {name: vars(self.aggregate)[name] for name in before}
        return self.aggregate
