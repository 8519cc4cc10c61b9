"""The page of the ledger: how it stands, and what happened last."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import asdict, replace

from interfaces.freshness import Staleness
from interfaces.pages.page_query import address_of, number_in, said_fields
from interfaces.pages.told import ToldEvent
from projections.statuses import ProjectionStatus

PATH = "/ledger"
EVENTS_AT_ONCE = 40


class LedgerQuery(Struct, frozen=True):
    """Events of which context, and from before which position; empty and None: of all."""

    context: str = ""
    before: int | None = None

    def address(self, path: str = PATH) -> str:
        """Return the address that says this, in one way only."""
        return address_of(path, asdict(self), asdict(LedgerQuery()))


def read_ledger_query(pairs: Iterable[tuple[str, str]]) -> LedgerQuery:
    """Return what an address says. Raises Invalid."""
    said = said_fields(pairs, LedgerQuery.__struct_fields__)
    return LedgerQuery(said.get("context", ""), number_in(said, "before"))


class Standing(Struct, frozen=True):
    """How a projection stands; `state` is one word, and `is_bad` whether somebody must act."""

    name: str
    position: int
    lag_events: int
    lag: str
    parked: str
    verified: str
    state: str
    is_bad: bool


class LedgerState(Struct, frozen=True):
    """Where the ledger ends, how its read models stand, and what keeps them behind."""

    head: int
    standings: list[Standing]
    faults: list[Staleness]

    @property
    def is_settled(self) -> bool:
        """Whether nothing of this changes until something happens."""
        return not self.faults and all(each.state == "current" for each in self.standings)


class FoundEvents(NamedTuple):
    """Events, newest first; `reached` is the position down to which they were looked for."""

    events: list[ToldEvent]
    reached: int


class LedgerPage(Struct, frozen=True):
    """All that the template shows."""

    query: LedgerQuery
    contexts: list[str]
    left_out: list[str]
    state: LedgerState
    events: list[ToldEvent]
    newest: str
    older: str
    looked_to: int


def ledger_page(
    query: LedgerQuery,
    state: LedgerState,
    found: FoundEvents,
    *,
    contexts: Sequence[str],
    left_out: Sequence[str],
) -> LedgerPage:
    """Return what is shown of the ledger."""
    older = replace(query, before=found.reached).address() if found.reached > 1 else ""
    return LedgerPage(
        query=query,
        contexts=list(contexts),
        left_out=list(left_out),
        state=state,
        events=found.events,
        newest=replace(query, before=None).address() if query.before else "",
        older=older,
        looked_to=found.reached,
    )


def ledger_state(
    head: int, statuses: Sequence[ProjectionStatus], faults: Sequence[Staleness]
) -> LedgerState:
    """Return how the ledger stands."""
    return LedgerState(head, [_standing(each) for each in statuses], list(faults))


def _standing(found: ProjectionStatus) -> Standing:
    return Standing(
        name=found.name,
        position=found.position,
        lag_events=found.lag_events,
        lag="" if not found.lag_events else said_age(found.lag_seconds),
        parked=f"{found.parked_events} from position {found.parked_from}"
        if found.parked_events
        else "",
        verified=_verified(found),
        state=_state(found),
        is_bad=found.ahead or found.parked_events > 0,
    )


def _state(found: ProjectionStatus) -> str:
    if found.ahead:
        return "ahead of the ledger"
    if found.parked_events:
        return "has parked events"
    return "behind" if found.lag_events else "current"


def _verified(found: ProjectionStatus) -> str:
    if found.verified_position is None or found.verified_seconds is None:
        return "never"
    return f"up to {found.verified_position}, {said_age(found.verified_seconds)} ago"


def said_age(seconds: float) -> str:
    """Return an age as people say it: so coarse that it seldom changes while nothing else does."""
    for unit_seconds, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_seconds:
            return f"{int(seconds // unit_seconds)} {name}"
    return f"{int(seconds)} s" if seconds >= 10 else "some seconds"
