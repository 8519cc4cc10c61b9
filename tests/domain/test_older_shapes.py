"""Events of an older shape are read as today's; those of a newer one are unknown."""

from typing import Any

import msgspec
import pytest

from domain.aggregate import Aggregate, Event, evolves
from domain.catalogue import EVENTS_BY_TOPIC, UnknownTopic
from domain.stored import decode, decoding, encode, stored_topic
from tests.support.given import SOMEBODY
from tests.support.stored import SOME_ID


class Parcel(Aggregate):
    weight_grams: int
    label: str

    class Weighed(Event, topic="suppliers.parcel_weighed"):
        class_version = 3

        weight_grams: int
        label: str
        seal: bytes = b""

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["weight_grams"] = state.pop("weight_kilograms") * 1_000

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["label"] = "unlabelled"

    class Forgotten(Event, topic="suppliers.parcel_forgotten"):
        class_version = 2

        label: str

    @evolves(Weighed)
    def _weighed(self, event: Weighed) -> None:
        self.weight_grams = event.weight_grams
        self.label = event.label

    @evolves(Forgotten)
    def _forgotten(self, event: Forgotten) -> None:
        self.label = event.label


@pytest.fixture
def parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the parcel's events into the catalogue while one test lasts."""
    for event_class in Parcel.evolutions:
        monkeypatch.setitem(EVENTS_BY_TOPIC, event_class.topic, event_class)
    monkeypatch.setattr(decoding, "_readers", {})


def with_provenance(**fields: Any) -> bytes:
    return msgspec.json.encode({"provenance": SOMEBODY, "previous_hash": "", **fields})


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("suppliers.parcel_weighed", {"weight_kilograms": 2}),
        ("suppliers.parcel_weighed.v2", {"weight_grams": 2_000}),
        ("suppliers.parcel_weighed.v3", {"weight_grams": 2_000, "label": "unlabelled"}),
    ],
)
@pytest.mark.usefixtures("parcels")
def test_an_older_shape_is_read_as_todays(topic: str, fields: dict[str, Any]) -> None:
    event = decode(topic, with_provenance(**fields), SOME_ID, 1)
    assert event == Parcel.Weighed(
        originator_id=SOME_ID,
        originator_version=1,
        provenance=SOMEBODY,
        weight_grams=2_000,
        label="unlabelled",
    )
    assert Parcel(SOME_ID).fold((event,)).version == 1
    assert stored_topic(Parcel.Weighed) == "suppliers.parcel_weighed.v3"
    assert decode("suppliers.parcel_weighed.v3", encode(event), SOME_ID, 1) == event


@pytest.mark.usefixtures("parcels")
def test_an_older_shape_keeps_its_bytes_and_times() -> None:
    fields = {"weight_grams": 1, "seal": b"\0\xff"}
    event = decode("suppliers.parcel_weighed.v2", with_provenance(**fields), SOME_ID, 1)
    assert isinstance(event, Parcel.Weighed)
    assert (event.seal, event.provenance) == (b"\0\xff", SOMEBODY)


@pytest.mark.usefixtures("parcels")
def test_a_newer_shape_than_ours_is_unknown() -> None:
    with pytest.raises(UnknownTopic, match=r"parcel_weighed\.v4"):
        decode("suppliers.parcel_weighed.v4", with_provenance(), SOME_ID, 1)


@pytest.mark.usefixtures("parcels")
def test_an_older_shape_without_its_upcast_is_an_error() -> None:
    """The negative control: nothing is guessed where a step is missing."""
    with pytest.raises(AttributeError, match="upcast_v1_v2"):
        decode("suppliers.parcel_forgotten", with_provenance(), SOME_ID, 1)
    with pytest.raises(msgspec.ValidationError):
        # The oldest shape under the newest name: the upcasts are what made it load.
        decode("suppliers.parcel_weighed.v3", with_provenance(weight_kilograms=2), SOME_ID, 1)
