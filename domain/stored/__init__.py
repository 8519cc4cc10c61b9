"""How events and snapshots are written as bytes, and read again for ever.

The stored topic names the shape: `suppliers.slot_booked` is version 1, `….v2` the second.
"""

from domain.stored.chain import (
    HASH_CHARACTERS,
    BrokenChain,
    Chain,
    birth_hash,
    encode_linked,
    event_hash,
)
from domain.stored.decoding import decode, event_class_of, fold_stored, reader_of
from domain.stored.encoding import (
    UnfilledEvent,
    UnstorableEvent,
    encode,
    stored_topic,
    stored_topics,
)
from domain.stored.snapshots import declared_fields, decode_snapshot, encode_snapshot

__all__ = [
    "HASH_CHARACTERS",
    "BrokenChain",
    "Chain",
    "UnfilledEvent",
    "UnstorableEvent",
    "birth_hash",
    "declared_fields",
    "decode",
    "decode_snapshot",
    "encode",
    "encode_linked",
    "encode_snapshot",
    "event_class_of",
    "event_hash",
    "fold_stored",
    "reader_of",
    "stored_topic",
    "stored_topics",
]
