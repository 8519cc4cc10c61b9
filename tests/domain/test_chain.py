"""The chain: a stored event that was changed breaks the next one's link; loading says so."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import Aggregate
from domain.stored import (
    BrokenChain,
    Chain,
    birth_hash,
    decode,
    decode_snapshot,
    encode,
    encode_linked,
    encode_snapshot,
    event_hash,
    fold_stored,
    stored_topic,
)
from domain.suppliers import SupplierCapacity
from tests.support.given import SOMEBODY
from tests.support.stored import SOME_ID

Stored = list[tuple[int, str, bytes]]
OTHER_ID = UUID(int=8)


def live(aggregate: SupplierCapacity, slots: int) -> Stored:
    """Book so many slots, and return what is stored of them."""
    for number in range(slots):
        aggregate.book_slot(UUID(int=number), f"R{number}")
    return written(aggregate)


def written(aggregate: Aggregate) -> Stored:
    return [
        (event.originator_version, stored_topic(type(event)), encode_linked(aggregate, event))
        for event in aggregate.collect_events()
    ]


def a_life(slots: int = 3, identity: UUID = SOME_ID) -> Stored:
    capacity = SupplierCapacity(identity).bound_to(SOMEBODY)
    capacity.open("sbus", "overlap_only", "iSoalr", 50)
    return live(capacity, slots)


def followed(stored: Stored, identity: UUID = SOME_ID) -> str:
    chain = Chain(identity)
    for version, topic, state in stored:
        event = decode(topic, state, identity, version)
        chain.follow(version, topic, state, event.previous_hash)
    return chain.last_hash


def test_every_event_is_linked_to_the_one_before_it() -> None:
    stored = a_life()
    events = [decode(topic, state, SOME_ID, version) for version, topic, state in stored]
    hashes = [event_hash(topic, state) for _, topic, state in stored]
    assert [each.previous_hash for each in events] == [birth_hash(SOME_ID), *hashes[:-1]]


def test_an_aggregate_goes_on_with_the_chain_where_it_was_loaded() -> None:
    stored = a_life()
    loaded = fold_stored(SupplierCapacity(SOME_ID), stored).bound_to(SOMEBODY)
    assert loaded.last_hash == followed(stored)
    assert followed(stored + live(loaded, 2)) == loaded.last_hash


def test_a_snapshot_knows_where_the_chain_was() -> None:
    stored = a_life(5)
    early = fold_stored(SupplierCapacity(SOME_ID), stored[:3])
    taken = decode_snapshot(SupplierCapacity, SOME_ID, 3, encode_snapshot(early))
    assert taken is not None
    assert fold_stored(taken, stored[3:]).last_hash == followed(stored)


def test_a_snapshot_by_who_does_not_know_the_chain_is_dropped() -> None:
    capacity = fold_stored(SupplierCapacity(SOME_ID), a_life())
    capacity.last_hash = ""
    snapshot = encode_snapshot(capacity)
    assert decode_snapshot(SupplierCapacity, SOME_ID, capacity.version, snapshot) is None


Tampering = Callable[[Stored, int], Stored]


def changed(stored: Stored, at: int) -> Stored:
    version, topic, state = stored[at]
    other = state.replace(b"ada@example.org", b"eve@example.org")
    assert other != state
    return [*stored[:at], (version, topic, other), *stored[at + 1 :]]


def removed(stored: Stored, at: int) -> Stored:
    later = [(version - 1, topic, state) for version, topic, state in stored[at + 1 :]]
    return stored[:at] + later


def exchanged(stored: Stored, at: int) -> Stored:
    first, second = stored[at], stored[at + 1]
    swapped = [(first[0], *second[1:]), (second[0], *first[1:])]
    return [*stored[:at], *swapped, *stored[at + 2 :]]


def unlinked(stored: Stored, at: int) -> Stored:
    """Make a later event look as if it had been stored before there was a chain."""
    version, topic, state = stored[at + 1]
    link = decode(topic, state, SOME_ID, version).previous_hash.encode()
    return [*stored[: at + 1], (version, topic, state.replace(link, b"")), *stored[at + 2 :]]


@pytest.mark.parametrize("tampering", [changed, removed, exchanged, unlinked])
@given(at=st.integers(0, 4))
def test_whatever_is_changed_before_the_last_event_is_found(tampering: Tampering, at: int) -> None:
    tampered = tampering(a_life(6), at)
    with pytest.raises(BrokenChain) as broken:
        fold_stored(SupplierCapacity(SOME_ID), tampered)
    assert broken.value.version in (at + 1, at + 2)
    with pytest.raises(BrokenChain):
        followed(tampered)


def test_a_stream_under_another_id_is_found() -> None:
    with pytest.raises(BrokenChain):
        fold_stored(SupplierCapacity(OTHER_ID), a_life())


def test_without_the_links_nobody_would_know() -> None:
    """The negative control: the same change, in events that were stored without a chain."""
    capacity = SupplierCapacity(SOME_ID).bound_to(SOMEBODY)
    capacity.open("sbus", "overlap_only", "iSoalr", 50)
    capacity.book_slot(UUID(int=1), "R1")
    plain = [
        (event.originator_version, stored_topic(type(event)), encode(event))
        for event in capacity.collect_events()
    ]
    assert fold_stored(SupplierCapacity(SOME_ID), changed(plain, 0)).used_slots == 1


def test_what_was_stored_before_there_was_a_chain_loads_and_the_chain_begins_after_it() -> None:
    capacity = SupplierCapacity(SOME_ID).bound_to(SOMEBODY)
    capacity.open("sbus", "overlap_only", "iSoalr", 50)
    [opened] = capacity.collect_events()
    before = [(1, stored_topic(type(opened)), encode(opened))]
    loaded = fold_stored(SupplierCapacity(SOME_ID), before).bound_to(SOMEBODY)
    stored = before + live(loaded, 2)
    assert fold_stored(SupplierCapacity(SOME_ID), stored).used_slots == 2
    with pytest.raises(BrokenChain):
        fold_stored(SupplierCapacity(SOME_ID), changed(stored, 0))
