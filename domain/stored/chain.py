"""The chain: every event holds the hash of the one before it in its aggregate.

The first holds that of its aggregate's id. What was stored before there was a chain holds none;
after the first link every event needs one.
"""

from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec.structs import force_setattr

from domain.aggregate import Aggregate, Event
from domain.stored.encoding import encode, stored_topic

if TYPE_CHECKING:  # what `sha256` returns has a name for type checkers only
    from hashlib import _Hash

HASH_CHARACTERS = 40  # of SHA-256 in hexadecimal: 160 bits


class BrokenChain(Exception):
    """An event is not the one that the next one was linked to: the store was written by hand."""

    def __init__(self, aggregate_id: UUID, version: int) -> None:
        self.aggregate_id, self.version = aggregate_id, version
        super().__init__(
            f"Version {version} of {aggregate_id} is not linked to the event stored before it: "
            "something was changed in the ledger's tables"
        )


def birth_hash(aggregate_id: UUID) -> str:
    """Return what the first event of an aggregate is linked to."""
    return sha256(aggregate_id.bytes).hexdigest()[:HASH_CHARACTERS]


def event_hash(topic: str, state: bytes) -> str:
    """Return what the event after this one is linked to."""
    digest = begun_hash(topic).copy()
    digest.update(state)
    return digest.hexdigest()[:HASH_CHARACTERS]


@cache
def begun_hash(topic: str) -> "_Hash":
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
