"""Snapshots: exactly the annotated state of an aggregate, and the shape that it had.

Another shape is dropped and the aggregate is folded from its events, so that no snapshot needs
an upcast.
"""

from hashlib import sha256
from typing import Any, TypeVar, get_type_hints
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.aggregate import Aggregate

_A = TypeVar("_A", bound=Aggregate)
_encoder = msgspec.json.Encoder()


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
