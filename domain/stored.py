"""How events and snapshots are written as bytes, and read again for ever.

An event is plain JSON in the library's `state` column; identity stands in columns of its own.
The stored topic names the shape: `suppliers.slot_booked` is version 1, `….v2` the second.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import force_setattr, replace

from domain.aggregate import Aggregate, Event, Provenance, identify
from domain.catalogue import EVENTS_BY_TOPIC, UnknownTopic

if TYPE_CHECKING:  # what `sha256` returns has a name for type checkers only
    from hashlib import _Hash

_A = TypeVar("_A", bound=Aggregate)

_encoder = msgspec.json.Encoder()
HASH_CHARACTERS = 40  # of SHA-256 in hexadecimal: 160 bits
_BARE: dict[str, Any] = {"originator_id": UNSET, "originator_version": UNSET}


class UnfilledEvent(ValueError):
    """An event that was never recorded by an aggregate cannot be stored."""


class UnstorableEvent(ValueError):
    """An event holds a value that other readers of the store would misread."""


class BrokenChain(Exception):
    """An event is not the one that the next one was linked to: the store was written by hand."""

    def __init__(self, aggregate_id: UUID, version: int) -> None:
        self.aggregate_id, self.version = aggregate_id, version
        super().__init__(
            f"Version {version} of {aggregate_id} is not linked to the event stored before it: "
            "something was changed in the ledger's tables"
        )


@cache
def stored_topic(event_class: type[Event]) -> str:
    """Return the topic under which today's shape of this event is stored."""
    version = event_class.class_version
    return event_class.topic if version == 1 else f"{event_class.topic}.v{version}"


def encode(event: Event) -> bytes:
    """Return the bytes of one recorded event. Raises UnfilledEvent or UnstorableEvent."""
    name = type(event).__qualname__
    if not isinstance(event.provenance, Provenance):
        raise UnfilledEvent(f"{name} was not recorded: it has no provenance")
    if event.provenance.recorded_at.tzinfo is None:
        raise UnstorableEvent(f"{name}: recorded_at has no time zone")
    # Where integers stand is found out once for each class.
    for read in _integer_readers(type(event)):
        for number in read(event):
            if not -(2**63) <= number < 2**63:
                raise UnstorableEvent(f"{name}: it holds {number}, which is beyond 64 bits")
    return _encoder.encode(replace(event, **_BARE))


# The chain: every event holds the hash of the one before it in its aggregate, and the first holds
# that of its aggregate's id. What was stored before there was a chain holds none; after the first
# link every event needs one.


def birth_hash(aggregate_id: UUID) -> str:
    """Return what the first event of an aggregate is linked to."""
    return sha256(aggregate_id.bytes).hexdigest()[:HASH_CHARACTERS]


def event_hash(topic: str, state: bytes) -> str:
    """Return what the event after this one is linked to."""
    digest = _begun(topic).copy()
    digest.update(state)
    return digest.hexdigest()[:HASH_CHARACTERS]


@cache
def _begun(topic: str) -> "_Hash":
    """Return a digest of the topic alone: to copy it takes half the time of beginning anew."""
    return sha256(topic.encode() + b"\n")


def encode_linked(aggregate: Aggregate, event: Event) -> bytes:
    """Link an event that was just recorded to the one before it, and return its bytes."""
    linked_to = aggregate.last_hash or birth_hash(aggregate.id)
    force_setattr(event, "previous_hash", linked_to)
    state = encode(event)
    aggregate.last_hash = event_hash(stored_topic(type(event)), state)
    aggregate.linked = True
    return state


class Chain:
    """Follows the links of one aggregate, oldest event first."""

    __slots__ = ("_aggregate_id", "_linked", "last_hash")

    def __init__(self, aggregate_id: UUID, *, last_hash: str = "", linked: bool = False) -> None:
        """Begin after the event with this hash, or at birth; `linked` if the chain has begun."""
        self._aggregate_id, self._linked = aggregate_id, linked
        self.last_hash = last_hash or birth_hash(aggregate_id)

    def follow(self, version: int, topic: str, state: bytes, previous_hash: str) -> None:
        """Take the next event. Raises BrokenChain."""
        if previous_hash == self.last_hash:
            self._linked = True
        elif previous_hash or self._linked:
            raise BrokenChain(self._aggregate_id, version)
        self.last_hash = event_hash(topic, state)


@cache
def _integer_readers(struct_class: type[Struct]) -> tuple[Callable[[Any], Iterable[int]], ...]:
    return tuple(_integer_reader(path, hint) for path, hint in _integer_paths(struct_class))


def _integer_reader(path: str, hint: Any) -> Callable[[Any], Iterable[int]]:
    read = attrgetter(path)
    if hint == tuple[tuple[str, int], ...]:  # hours by week: very many of them, and these
        return lambda event: [number for _, number in read(event)]
    return lambda event: _integers_in(read(event))


def _integer_paths(struct_class: type[Struct]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(struct_class)
    for name in struct_class.__struct_fields__:
        hint = hints[name]
        if name in _BARE or name == "provenance":
            continue
        if isinstance(hint, type) and issubclass(hint, Struct):
            yield from ((f"{name}.{path}", inner) for path, inner in _integer_paths(hint))
        elif _holds_integers(hint):
            yield name, hint


def _holds_integers(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, Struct):
        return any(True for _ in _integer_paths(hint))
    return hint is int or any(_holds_integers(each) for each in get_args(hint))


def _integers_in(value: object) -> Iterable[int]:
    if isinstance(value, int):
        return (value,)
    if isinstance(value, tuple):
        return [number for each in value for number in _integers_in(each)]
    if isinstance(value, Struct):
        readers = _integer_readers(type(value))
        return [number for read in readers for number in read(value)]
    return ()


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
        return _upcasting(event_class, version), evolve, _begun(topic)
    read = msgspec.json.Decoder(_without_provenance(event_class)).decode
    return read, evolve, _begun(topic)


def _without_provenance(event_class: type[Event]) -> type[Struct]:
    fields: list[Any] = []
    for field in msgspec.structs.fields(event_class):
        if field.name == "provenance":
            fields.append((field.name, msgspec.Raw))
        elif field.name not in _BARE:
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


# Snapshots: exactly the annotated state, and the shape it had. Another shape is dropped and the
# aggregate is folded from its events, so a snapshot never needs an upcast.


def encode_snapshot(aggregate: Aggregate) -> bytes:
    """Return the declared state of an aggregate as bytes."""
    snapshot_class = _snapshot_class(type(aggregate))
    state = {name: getattr(aggregate, name) for name in snapshot_class.__struct_fields__}
    head = (_shape(type(aggregate)), aggregate.last_hash.encode())
    return b"\n".join((*head, _encoder.encode(snapshot_class(**state))))


def decode_snapshot(
    aggregate_class: type[_A], aggregate_id: UUID, version: int, stored: bytes
) -> _A | None:
    """Return the aggregate as it was at `version`, or None if its declared shape has changed."""
    shape, _, rest = stored.partition(b"\n")
    if shape != _shape(aggregate_class):
        return None
    last_hash, _, state = rest.partition(b"\n")
    if not last_hash:  # taken by who did not know it
        return None
    aggregate = aggregate_class(aggregate_id)
    values = _snapshot_decoder(aggregate_class).decode(state)
    aggregate.__dict__.update({name: getattr(values, name) for name in values.__struct_fields__})
    aggregate.version, aggregate.last_hash, aggregate.linked = version, last_hash.decode(), True
    return aggregate


def declared_fields(aggregate_class: type[Aggregate]) -> tuple[str, ...]:
    """Return the names of an aggregate's state, as its class declares it."""
    return _snapshot_class(aggregate_class).__struct_fields__


_SNAPSHOT_LAYOUT = b"2\n"  # shape, hash of the last event, state: a line each
_snapshot_classes: dict[type[Aggregate], type[Struct]] = {}
_snapshot_decoders: dict[type[Aggregate], msgspec.json.Decoder[Any]] = {}
_shapes: dict[type[Aggregate], bytes] = {}


def _snapshot_class(aggregate_class: type[Aggregate]) -> type[Struct]:
    if aggregate_class not in _snapshot_classes:
        hints = get_type_hints(aggregate_class)
        names = [name for name in aggregate_class.__annotations__ if name in hints]
        _snapshot_classes[aggregate_class] = msgspec.defstruct(
            f"{aggregate_class.__name__}Snapshot",
            [(name, hints[name]) for name in names],
            forbid_unknown_fields=True,
        )
    return _snapshot_classes[aggregate_class]


def _snapshot_decoder(aggregate_class: type[Aggregate]) -> msgspec.json.Decoder[Any]:
    if aggregate_class not in _snapshot_decoders:
        _snapshot_decoders[aggregate_class] = msgspec.json.Decoder(_snapshot_class(aggregate_class))
    return _snapshot_decoders[aggregate_class]


def _shape(aggregate_class: type[Aggregate]) -> bytes:
    """Return a digest of the declared state, nested value types included."""
    if aggregate_class not in _shapes:
        schema = msgspec.json.schema(_snapshot_class(aggregate_class))
        text = _SNAPSHOT_LAYOUT + msgspec.json.encode(schema, order="deterministic")
        _shapes[aggregate_class] = sha256(text).hexdigest()[:16].encode()
    return _shapes[aggregate_class]
