"""The stored examples: one file for each topic and version that was ever written."""

from pathlib import Path
from uuid import UUID

from domain.aggregate import Aggregate, Event
from domain.stored import HASH_CHARACTERS, decode, stored_topic

FOLDER = Path(__file__).parent.parent / "stored"
SOME_ID = UUID(int=7)
SOME_HASH = "5" * HASH_CHARACTERS


def stored_examples() -> dict[str, bytes]:
    """Return the bytes of every example by its stored topic."""
    return {each.stem: each.read_bytes() for each in sorted(FOLDER.glob("*.json"))}


def example(event_class: type[Event], version: int = 1) -> Event:
    """Return the example of an event's present shape, as the event of that version."""
    state = (FOLDER / f"{stored_topic(event_class)}.json").read_bytes()
    return decode(stored_topic(event_class), state, SOME_ID, version)


def lived(aggregate_class: type[Aggregate]) -> Aggregate:
    """Return an aggregate that lived through the example of each of its events, birth first."""
    examples = enumerate(aggregate_class.evolutions, start=1)
    born = aggregate_class(SOME_ID).fold(example(each, version) for version, each in examples)
    born.last_hash = SOME_HASH
    return born
