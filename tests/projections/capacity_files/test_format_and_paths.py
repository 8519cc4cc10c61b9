"""What a capacity file looks like, and where it lies."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from projections.capacity_files import (
    capacity_text,
    default_path,
    real_file,
    resolve_path,
)
from tests.projections.capacity_files.house import (
    SBUS,
    record,
)

GOLDEN = Path(__file__).parents[2] / "data" / "sbus" / "capacity" / "overlap_only.json"


def test_writes_the_bytes_that_the_original_wrote() -> None:
    records = (
        record("All Energy Solar", 70, 5, 0.07),
        record("iSoalr", 50, 0, 0.0),
        record("TruNorthSolar", 80, 80, 1.0),
        record("Zonnekracht Noë", 3, 1, 0.33),
    )
    assert capacity_text({each["SupplierID"]: each for each in records}) == GOLDEN.read_bytes()


def test_a_scenario_without_suppliers_is_an_empty_object() -> None:
    assert capacity_text({}) == b"{}"


RECORDS = st.builds(
    record, st.text(), st.integers(), st.integers(), st.floats(allow_nan=False) | st.integers(0, 1)
)


@given(st.dictionaries(st.text(), RECORDS | st.integers() | st.none()))
def test_the_text_is_a_fixed_point_of_parse_and_print(document: dict[str, Any]) -> None:
    printed = capacity_text(document)
    assert capacity_text(json.loads(printed)) == printed
    assert json.loads(printed) == document


# Where a file lies.


def test_lies_below_the_line_unless_asked_otherwise(tmp_path: Path) -> None:
    expected = tmp_path / "sbus" / "capacity" / "overlap_only.json"
    assert default_path(tmp_path, *SBUS) == expected
    assert resolve_path(tmp_path, "sbus/capacity/overlap_only.json") == expected.resolve()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("/etc/passwd", "found '/etc/passwd', a path below the data folder is needed"),
        ("../x.json", "found '../x.json', a path below the data folder is needed"),
        ("sbus/../../x", "found 'sbus/../../x', a path below the data folder is needed"),
        ("", "found '', the path of a file is needed"),
        (".", "found '.', the path of a file is needed"),
        ("a\0b.json", "found the character U+0000, which no name may hold"),
        (
            "sbus/.hidden",
            "found '.hidden', which may hold no slash and may not begin with a dot",
        ),
        ("x" * 201, "found 201 characters, at most 200 are allowed"),
        ("é" * 101, "found 202 bytes, at most 200 are allowed"),
        ("a/" * 600, "found 1200 characters, at most 1000 are allowed"),
        ("out/x.json", "found 'out/x.json', which leads out of the data folder by a link"),
        ("file.json", "found 'file.json', which leads out of the data folder by a link"),
        ("circle/x", "found 'circle/x', which leads out of the data folder by a link"),
    ],
)
def test_refuses_a_path_that_leaves_the_data_folder(tmp_path: Path, text: str, fault: str) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "out").symlink_to(tmp_path)
    (data_dir / "file.json").symlink_to(tmp_path / "elsewhere.json")
    if sys.version_info < (3, 13):  # later a circle of links resolves to itself, and cannot open
        (data_dir / "circle").symlink_to(data_dir / "circle")
    elif text.startswith("circle"):
        return
    with pytest.raises(Invalid) as caught:
        resolve_path(data_dir, text)
    assert caught.value.faults == (("/capacity_file", fault),)


def test_a_link_within_the_data_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert resolve_path(tmp_path, "link/x.json") == (tmp_path / "real" / "x.json").resolve()


# What a file is known by.


@pytest.mark.parametrize(
    ("asked", "known_as"),
    [
        ("", "sbus/capacity/overlap_only.json"),
        ("own/used.json", "own/used.json"),
        ("./own//used.json", "own/used.json"),
        ("link/used.json", "own/used.json"),
        ("used.json", "own/used.json"),
        ("{data_dir}/own/used.json", "own/used.json"),
        ("{data_dir}/link/used.json", "own/used.json"),
        ("/elsewhere/used.json", "/elsewhere/used.json"),
        ("out/used.json", "out/used.json"),
        ("circle/used.json", "circle/used.json"),
        ("unnamed.json", "unnamed.json"),
        ("Own/used.json", "Own/used.json"),
    ],
)
def test_every_way_to_a_file_is_known_by_its_real_path(
    tmp_path: Path, asked: str, known_as: str
) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "own").mkdir(parents=True)
    (data_dir / "link").symlink_to("own")
    (data_dir / "used.json").symlink_to("own/used.json")
    (data_dir / "out").symlink_to(tmp_path)
    (data_dir / "circle").symlink_to("circle")
    (data_dir / "unnamed.json").symlink_to("own/\udcff.json")  # bytes that are no UTF-8
    found = real_file(data_dir, *SBUS, asked.format(data_dir=data_dir))
    assert found == known_as


def test_a_line_that_is_a_link_to_another_shares_its_files(tmp_path: Path) -> None:
    (tmp_path / "roof").symlink_to("sbus")
    assert (
        real_file(tmp_path, "roof", "demo", "") == default_path(Path(), "sbus", "demo").as_posix()
    )
