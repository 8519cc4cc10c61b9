"""Aggregates and events: a decision records what happened, an evolution remembers it.

Deciding and remembering are apart so that history loads under tomorrow's rules: a decision
may refuse, an evolution only assigns. Events and aggregates also answer the protocols of the
`eventsourcing` library, so its Application and Repository can serve them (see docs/decisions).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast, dataclass_transform
from uuid import UUID

from msgspec import UNSET, Meta, Struct, StructMeta
from msgspec.structs import force_setattr, replace


class Provenance(Struct, frozen=True, forbid_unknown_fields=True):
    """Who caused an event, on whose behalf, why, by which command, and when it was recorded."""

    actor: str
    reason: str
    command_id: UUID
    correlation_id: UUID
    recorded_at: Annotated[datetime, Meta(tz=True)]
    on_behalf_of: str = ""
    causation_id: UUID | None = None


class _EventMeta(StructMeta):
    """Takes `topic=` in a class statement; msgspec refuses keywords that it does not know."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        topic: str = "",
        **options: Any,
    ) -> "_EventMeta":
        options |= {"frozen": True, "kw_only": True, "forbid_unknown_fields": True}
        event_class = super().__new__(mcls, name, bases, namespace, **options)
        event_class.topic = topic  # type: ignore[attr-defined] # declared as ClassVar on Event
        return event_class


# What stands in the store's own columns, or is filled when the event is recorded.
_NO_ID = cast(UUID, UNSET)
_NO_VERSION = cast(int, UNSET)
_NO_PROVENANCE = cast(Provenance, UNSET)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Event(Struct, frozen=True, metaclass=_EventMeta):
    """Something that happened, never changed afterwards.

    A changed shape gets a higher `class_version` and a static method `upcast_v1_v2(state)`
    (and so on) that turns the older JSON object into the newer.
    """

    topic: ClassVar[str]
    class_version: ClassVar[int] = 1
    aggregate_class: ClassVar["type[Aggregate]"]

    originator_id: UUID = _NO_ID
    originator_version: int = _NO_VERSION
    provenance: Provenance = _NO_PROVENANCE
    previous_hash: str = ""

    def mutate(self, aggregate: "Aggregate | None") -> "Aggregate":
        """Fold this event into `aggregate`, or into a new one; the library's repository asks."""
        if aggregate is None:
            aggregate = self.aggregate_class(self.originator_id)
        aggregate.fold((self,))
        return aggregate


_E = TypeVar("_E", bound=Event)
_A = TypeVar("_A", bound="Aggregate")
_Evolution = Callable[[Any, Any], None]


def evolves(
    *event_classes: type[Event],
) -> Callable[[Callable[[_A, _E], None]], Callable[[_A, _E], None]]:
    """Register a method as the evolution for these events."""

    def register(method: Callable[[_A, _E], None]) -> Callable[[_A, _E], None]:
        method.evolves = event_classes  # type: ignore[attr-defined] # read by __init_subclass__
        return method

    return register


class Aggregate:
    """One thing that keeps its own rules; `version` is the number of events it has lived through.

    State is declared by annotations in the class body (snapshots are made of exactly these),
    holds immutable values only, and is assigned by evolutions alone.
    """

    evolutions: ClassVar[dict[type[Event], _Evolution]] = {}
    # A new one is far likelier than an old one: the ledger does not look before it decides,
    # and the store's own check sends the command back when the guess was wrong.
    assumed_new: ClassVar[bool] = False
    # State in units of 1/10 000 hour, by week or not, which people are told as hours.
    in_hours: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, aggregate_id: UUID) -> None:
        self.id = aggregate_id
        self.version = 0
        self.last_hash = ""  # of its last event, as that is stored; empty before the first
        self.linked = False  # whether any of its events holds the hash of the one before
        self._provenance: Provenance | None = None
        self._pending: list[Event] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.evolutions = dict(cls.evolutions)
        for method in list(vars(cls).values()):
            for event_class in getattr(method, "evolves", ()):
                cls.evolutions[event_class] = method
                event_class.aggregate_class = cls
        for event_class in vars(cls).values():
            if isinstance(event_class, _EventMeta) and event_class not in cls.evolutions:
                raise TypeError(f"{cls.__name__} has no evolution for {event_class.__name__}")

    @property
    def exists(self) -> bool:
        """Whether it was ever born."""
        return self.version > 0

    def record(self, event: Event) -> None:
        """Stamp a decided event with identity and provenance, remember it, keep it for saving."""
        if self._provenance is None:
            raise RuntimeError(f"{type(self).__name__} {self.id} is not bound to a command")
        event = replace(
            event,
            originator_id=self.id,
            originator_version=self.version + 1,
            provenance=self._provenance,
        )
        self.evolutions[type(event)](self, event)
        self.version += 1
        self._pending.append(event)

    def fold(self, events: Iterable[Event]) -> Self:
        """Live through recorded events, oldest first."""
        evolutions = self.evolutions
        for event in events:
            evolutions[type(event)](self, event)
            self.version = event.originator_version
        return self

    def bound_to(self, provenance: Provenance) -> Self:
        """Return a copy that records under this provenance; the original never changes."""
        copy = object.__new__(type(self))
        copy.__dict__ = state = self.__dict__.copy()
        state["_provenance"], state["_pending"] = provenance, []
        return copy

    @property
    def pending_events(self) -> tuple[Event, ...]:
        """What was recorded and is not collected yet."""
        return tuple(self._pending)

    def collect_events(self) -> list[Event]:
        """Hand over what was recorded since the last call; the library's name for it."""
        pending, self._pending = self._pending, []
        return pending


def identify(event: Event, originator_id: UUID, originator_version: int) -> None:
    """Give a freshly decoded event the identity that stands in the store's own columns."""
    force_setattr(event, "originator_id", originator_id)
    force_setattr(event, "originator_version", originator_version)
