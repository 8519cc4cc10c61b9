"""Any capacity file in, the same bytes out: calls that change nothing leave the file alone."""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.files.capacity_tracker import (
    initialize_capacity_file,
    reset_capacity,
    update_supplier_capacity,
)
from interfaces.files.keeper import KEEPER
from tests.interfaces.files.conftest import Desk

NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)
EXTRAS = st.dictionaries(
    st.text(max_size=8),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    max_size=3,
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Records with their counts and anything else, in any order, and what is no record."""
    document: dict[str, Any] = draw(st.dictionaries(NAMES, EXTRAS, min_size=1, max_size=3))
    for name, record in document.items():
        record |= {"Capacity": draw(st.integers(0, 9)), "Used": draw(st.integers(0, 9))}
        document[name] = {key: record[key] for key in draw(st.permutations(list(record)))}
    return document | {f"_{key}": value for key, value in draw(EXTRAS).items()}


LAYOUTS = st.sampled_from([None, 2, 4])


@settings(max_examples=15)
@given(documents(), LAYOUTS)
def test_a_call_that_changes_nothing_leaves_the_bytes(
    document: dict[str, Any], indent: int | None
) -> None:
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        content = desk.put(json.dumps(document, indent=indent).encode())
        name = next(iter(document))
        found = asyncio.run(initialize_capacity_file(desk.offers, desk.capacity))
        assert json.dumps(found) == json.dumps(document)
        for _ in range(2):
            refuse(desk, {"supplier_id": "nobody"})
        if document[name]["Used"] >= document[name]["Capacity"]:
            refuse(desk, {"supplier_id": name})
        assert desk.capacity.read_bytes() == content
        KEEPER.close()


def refuse(desk: Desk, match: object) -> None:
    try:
        asyncio.run(update_supplier_capacity(match, desk.offers, desk.capacity))
    except ValueError:
        return
    raise AssertionError(f"counted {match}")


def as_the_original(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Count one as the original does, in a copy."""
    record = dict(document[name])
    record["Used"] += 1
    record["UsedPct"] = round(record["Used"] / record["Capacity"], 2)
    return document | {name: record}


@settings(max_examples=15)
@given(documents())
def test_counting_changes_what_the_original_changes(document: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        desk.put(document)
        for name in [each for each in document if isinstance(document[each], dict)]:
            if document[name]["Used"] < document[name]["Capacity"]:
                match = {"supplier_id": name}
                asyncio.run(update_supplier_capacity(match, desk.offers, desk.capacity))
                document = as_the_original(document, name)
                assert desk.capacity.read_bytes() == json.dumps(document, indent=2).encode()
        asyncio.run(reset_capacity(desk.capacity))
        for record in document.values():
            if isinstance(record, dict):
                record |= {"Used": 0, "UsedPct": 0.0}
        assert desk.capacity.read_bytes() == json.dumps(document, indent=2).encode()
        KEEPER.close()
