"""Reading events again for ever: one by one, in today's shape, or as the life of an aggregate."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.aggregate import Aggregate, Event, identify
from domain.catalogue import EVENTS_BY_TOPIC, UnknownTopic
from domain.stored.chain import HASH_CHARACTERS, BrokenChain, begun_hash, birth_hash
from domain.stored.encoding import BARE

if TYPE_CHECKING:  # what `sha256` returns has a name for type checkers only
    from hashlib import _Hash

_A = TypeVar("_A", bound=Aggregate)


def decode(topic: str, state: bytes, originator_id: UUID, originator_version: int) -> Event:
    """Return the event stored as `state`, in today's shape. Raises UnknownTopic."""
    read = _readers.get(topic) or _reader(topic, f"version {originator_version} of {originator_id}")
    event = read(state)
    identify(event, originator_id, originator_version)
    return event


# Loading an aggregate: an evolution looks at what happened and never at who caused it, so the
# provenance is passed over unread, which halves the time.


def fold_stored(aggregate: _A, stored: Iterable[tuple[int, str, bytes]]) -> _A:
    """Live through stored events (version, topic, state), oldest first. Raises BrokenChain."""
    steps = _steps_by_class.setdefault(type(aggregate), {})
    linked = aggregate.linked
    expected = aggregate.last_hash or birth_hash(aggregate.id)
    for version, topic, state in stored:
        step = steps.get(topic)
        if step is None:
            where = f"version {version} of {aggregate.id}"
            step = steps[topic] = _step(type(aggregate), topic, where)
        read, evolve, begun = step
        event = read(state)
        # As Chain does it, without a call for each event.
        if event.previous_hash == expected:
            linked = True
        elif event.previous_hash or linked:
            raise BrokenChain(aggregate.id, version)
        digest = begun.copy()
        digest.update(state)
        expected = digest.hexdigest()[:HASH_CHARACTERS]
        evolve(aggregate, event)
        aggregate.version = version
    aggregate.last_hash, aggregate.linked = expected if aggregate.version else "", linked
    return aggregate


_Step = tuple[Callable[[bytes], Any], Callable[[Any, Any], None], "_Hash"]
_steps_by_class: dict[type[Aggregate], dict[str, _Step]] = {}


def _step(aggregate_class: type[Aggregate], topic: str, where: str) -> _Step:
    event_class, version = _claimed(topic, where)
    evolve = aggregate_class.evolutions[event_class]
    if version < event_class.class_version:
        return _upcasting(event_class, version), evolve, begun_hash(topic)
    read = msgspec.json.Decoder(_without_provenance(event_class)).decode
    return read, evolve, begun_hash(topic)


def _without_provenance(event_class: type[Event]) -> type[Struct]:
    fields: list[Any] = []
    for field in msgspec.structs.fields(event_class):
        if field.name == "provenance":
            fields.append((field.name, msgspec.Raw))
        elif field.name not in BARE:
            default = () if field.required else (field.default,)
            fields.append((field.name, field.type, *default))
    return msgspec.defstruct(
        event_class.__name__, fields, frozen=True, kw_only=True, forbid_unknown_fields=True
    )


def _reader(topic: str, where: str) -> Callable[[bytes], Event]:
    """Build, and keep, the function that reads one stored topic."""
    event_class, version = _claimed(topic, where)
    read: Callable[[bytes], Event]
    if version == event_class.class_version:
        read = msgspec.json.Decoder(event_class).decode
    else:
        read = _upcasting(event_class, version)
    _readers[topic] = read
    return read


def reader_of(topic: str) -> Callable[[bytes], Event]:
    """Return what reads events stored under a topic, without identity. Raises UnknownTopic."""
    return _readers.get(topic) or _reader(topic, "in the ledger")


def event_class_of(topic: str) -> type[Event]:
    """Return the class of what is stored under a topic. Raises UnknownTopic."""
    return _claimed(topic, "in the ledger")[0]


def _claimed(topic: str, where: str) -> tuple[type[Event], int]:
    """Return the class that claims a stored topic, and the version of the shape."""
    name, dot, suffix = topic.rpartition(".v")
    versioned = bool(dot) and suffix.isdecimal()
    event_class = EVENTS_BY_TOPIC.get(name if versioned else topic)
    version = int(suffix) if versioned else 1
    if event_class is None or not 1 <= version <= event_class.class_version:
        raise UnknownTopic(topic, where)
    return event_class, version


def _upcasting(event_class: type[Event], version: int) -> Callable[[bytes], Event]:
    steps = [
        getattr(event_class, f"upcast_v{older}_v{older + 1}")
        for older in range(version, event_class.class_version)
    ]

    def read(state: bytes) -> Event:
        fields = msgspec.json.decode(state)
        for upcast in steps:
            upcast(fields)
        return msgspec.convert(fields, event_class)

    return read


_readers: dict[str, Callable[[bytes], Event]] = {}
