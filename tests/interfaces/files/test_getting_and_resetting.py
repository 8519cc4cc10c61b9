"""Reading a capacity file, and setting it to zero, as the original does both (1.4)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from interfaces.files.capacity_tracker import get_available_capacity, reset_capacity
from tests.interfaces.files.calling import indented, initialize
from tests.interfaces.files.conftest import Desk, plain


@pytest.mark.parametrize("document", [[1], 7, {"A": {"Used": "?"}}])
def test_answers_the_file_as_it_is(tmp_path: Path, document: object) -> None:
    (tmp_path / "x.json").write_text(json.dumps(document))
    assert asyncio.run(get_available_capacity(tmp_path / "x.json")) == document
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("function", [get_available_capacity, reset_capacity])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, function: Any) -> None:
    path = tmp_path / "sub" / "x.json"
    with pytest.raises(ValueError) as caught:
        asyncio.run(function(str(path)))
    assert str(caught.value) == f"Capacity file not found: {path}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no JSON: Expecting value at line 1, column 1"),
        (
            b'{"A": {',
            "no JSON: Expecting property name enclosed in double quotes at line 1, column 8",
        ),
        (b'"\xff"', "byte 1 is not UTF-8"),
    ],
)
@pytest.mark.parametrize("function", ["get", "initialize"])
def test_a_file_that_says_nothing_is_named(
    desk: Desk, content: bytes, fault: str, function: str
) -> None:
    desk.put(content)
    with pytest.raises(ValueError) as caught:
        if function == "get":
            asyncio.run(get_available_capacity(desk.capacity))
        else:
            initialize(desk)
    assert str(caught.value) == f"Capacity file {desk.capacity}: {fault}"
    assert desk.capacity.read_bytes() == content


def test_reset_keeps_capacity_and_extras(any_desk: Desk) -> None:
    any_desk.put({"ACME": {"Used": 3, "UsedPct": 0.6, "Capacity": 5, "Since": 2024}, "note": "x"})
    text = asyncio.run(reset_capacity(str(any_desk.capacity)))
    assert text == f"Successfully reset capacity in {any_desk.capacity}"
    assert any_desk.capacity.read_bytes() == indented(
        {"ACME": {"Used": 0, "UsedPct": 0.0, "Capacity": 5, "Since": 2024}, "note": "x"}
    )


def test_reset_puts_a_wrong_share_right(desk: Desk) -> None:
    desk.put({"ACME": plain("ACME", 5, 0)["ACME"] | {"UsedPct": 0.7}})
    asyncio.run(reset_capacity(desk.capacity))
    assert desk.shown == plain("ACME", 5, 0)
