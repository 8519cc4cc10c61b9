"""What is no capacity file is named, never counted on, and left as it is to the last byte."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interfaces.files.adoption import MAX_FILE_BYTES, read_imported
from interfaces.files.capacity_tracker import (
    get_available_capacity,
    reset_capacity,
    update_supplier_capacity,
)
from interfaces.files.errors import CapacityFileInvalid
from interfaces.files.keeper import KEEPER
from tests.interfaces.files.conftest import Desk, plain

WHOLE = "a whole number of registrations is needed"
OBJECT = "an object keyed by SupplierID is needed"
CALLS = {
    "update": lambda desk: update_supplier_capacity(
        {"supplier_id": "ACME"}, desk.offers, desk.capacity
    ),
    "reset": lambda desk: reset_capacity(desk.capacity),
}
EACH_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
Call = Callable[[Desk], object]


def refused(desk: Desk, call: Call) -> str:
    """Return what a call says of the capacity file, beyond its name."""
    with pytest.raises(ValueError) as caught:
        asyncio.run(call(desk))  # type: ignore[arg-type] # all of them are coroutines
    assert isinstance(caught.value, CapacityFileInvalid)
    return str(caught.value).removeprefix(f"Capacity file {desk.capacity.resolve()}: ")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the file is empty, a JSON object is needed"),
        (b"[1, 2]", f"found [1, 2], {OBJECT}"),
        (b"7", f"found 7, {OBJECT}"),
        (b"null", f"found null, {OBJECT}"),
        (
            json.dumps(plain("ACME", 5, 1), indent=2).encode()[:40],
            "no JSON: Expecting property name enclosed in double quotes at line 4, column 1",
        ),
        (b'{"ACME\xff": {}}', "byte 6 is not UTF-8"),
        (
            b"\xef\xbb\xbf{}",
            "no JSON: Unexpected UTF-8 BOM (decode using utf-8-sig) at line 1, column 1",
        ),
        (b"[" * 100_000, "nested too deeply"),
        (
            b'{"A": {"Capacity": 5, "Used": 0, "UsedPct": NaN}}',
            "found NaN, which is no JSON number",
        ),
        (b'{"A": {"Capacity": 2.5, "Used": 0}}', f"/A/Capacity: found 2.5, {WHOLE}"),
        (
            b'{"A": {"Capacity": -1, "Used": 0}}',
            "/A/Capacity: found -1, allowed is 0 to 9223372036854775807",
        ),
        (b'{"A": {"Capacity": true, "Used": 0}}', f"/A/Capacity: found true, {WHOLE}"),
        (b'{"A": {"Capacity": null, "Used": 0}}', f"/A/Capacity: found null, {WHOLE}"),
        (b'{"A": {"Capacity": "5", "Used": 0}}', f"/A/Capacity: found '5', {WHOLE}"),
        (b'{"A": {"Capacity": 5}}', f"/A/Used: missing; {WHOLE}"),
        (
            b'{"A": {"Used": 0, "Capacity": 1.5}, "B": {"Capacity": 5, "Used": -1}}',
            f"/A/Capacity: found 1.5, {WHOLE}; "
            "/B/Used: found -1, allowed is 0 to 9223372036854775807",
        ),
    ],
)
@EACH_CALL
def test_names_the_fault_and_leaves_the_file(
    desk: Desk, content: bytes, fault: str, call: Call
) -> None:
    desk.put(content)
    assert refused(desk, call) == fault
    assert desk.capacity.read_bytes() == content


@EACH_CALL
def test_an_edit_that_is_no_capacity_file_is_not_overwritten(desk: Desk, call: Call) -> None:
    asyncio.run(CALLS["update"](desk))
    desk.put(b'{"ACME": ')
    assert refused(desk, call).startswith("no JSON")
    assert desk.capacity.read_bytes() == b'{"ACME": '
    desk.put(plain("ACME", 5, 3))
    asyncio.run(CALLS["update"](desk))
    assert desk.used() == 4


@EACH_CALL
def test_a_directory(desk: Desk, call: Call) -> None:
    desk.capacity.mkdir(parents=True)
    assert refused(desk, call) == "found a directory, a file is needed"


@EACH_CALL
def test_a_pipe_is_not_waited_for(desk: Desk, call: Call) -> None:
    desk.capacity.parent.mkdir(parents=True)
    os.mkfifo(desk.capacity)
    assert refused(desk, call) == "found a pipe or a device, a file is needed"


@EACH_CALL
def test_a_read_only_file_is_heeded(desk: Desk, call: Call) -> None:
    content = desk.put(plain("ACME", 5, 1))
    desk.capacity.chmod(0o444)
    assert refused(desk, call) == "it is read-only, a file that may be written is needed"
    assert desk.capacity.read_bytes() == content


@EACH_CALL
def test_a_file_of_50_megabytes(desk: Desk, call: Call) -> None:
    desk.put(plain("ACME", 5, 1))
    with desk.capacity.open("ab") as file:
        file.write(b" " * 50 * 2**20)
    assert refused(desk, call) == (
        f"found {desk.capacity.stat().st_size} bytes, at most {MAX_FILE_BYTES} are allowed"
    )


def test_a_link_that_leaves_the_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "outside.json").write_text("{}")
    link = tmp_path / "folder" / "x.json"
    link.symlink_to(tmp_path / "outside.json")
    with pytest.raises(CapacityFileInvalid, match="it is a link that leaves its folder"):
        read_imported(link)


@EACH_CALL
def test_a_link_out_of_the_folder_is_not_followed(desk: Desk, call: Call) -> None:
    outside = desk.folder / "outside.json"
    outside.write_text(json.dumps(plain("ACME", 5, 1)))
    before = outside.read_bytes()
    desk.capacity.parent.mkdir(parents=True)
    desk.capacity.symlink_to(outside)
    with pytest.raises(CapacityFileInvalid, match="it is a link that leaves its folder"):
        asyncio.run(call(desk))  # type: ignore[arg-type]
    assert outside.read_bytes() == before
    assert [each.name for each in desk.capacity.parent.iterdir()] == ["demo.json"]


def test_a_link_within_the_folder_leads_to_one_ledger(desk: Desk) -> None:
    desk.put(plain("ACME", 5, 1))
    link = desk.capacity.with_name("link.json")
    link.symlink_to(desk.capacity)
    match = {"supplier_id": "ACME", "registration_id": "R1"}
    for path in (link, desk.capacity):
        asyncio.run(update_supplier_capacity(match, desk.offers, path))
    assert link.is_symlink()
    assert desk.used() == 2


def test_a_name_that_no_file_may_have(desk: Desk) -> None:
    desk.capacity = desk.capacity.with_name(".hidden.json")
    with pytest.raises(CapacityFileInvalid, match="may not begin with a dot"):
        asyncio.run(CALLS["update"](desk))


# A full disk, as a limit on the size of files that are written shows it.

_FULL = """
import asyncio, json, resource, signal, sys
from interfaces.files.capacity_tracker import update_supplier_capacity
offers, capacity, kept = sys.argv[1:]
match = {"supplier_id": "ACME"}
asyncio.run(update_supplier_capacity(match, offers, capacity))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(kept), resource.RLIM_INFINITY))
try:
    asyncio.run(update_supplier_capacity(match, offers, capacity))
except OSError as error:
    print(type(error).__name__, error, file=sys.stderr)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
asyncio.run(update_supplier_capacity(match, offers, capacity))
"""


def fill_disk(desk: Desk, kept_bytes: int) -> str:
    """Call thrice, the second time on a full disk; return what that one raised."""
    done = subprocess.run(
        [sys.executable, "-c", _FULL, desk.offers, desk.capacity, str(kept_bytes)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CAPACITY_OUTAGE_SECONDS": "0.5"},
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("kept_bytes", [100, 4096], ids=["nothing fits", "the file fits"])
def test_a_full_disk_is_named_and_leaves_the_file_whole(desk: Desk, kept_bytes: int) -> None:
    named = f"CapacityNotKept Capacity file {desk.capacity}: not written now"
    assert fill_disk(desk, kept_bytes).startswith(named)
    assert desk.used() == desk.history().count("slot_booked") == 2


def test_what_is_counted_when_the_file_finds_no_room_is_shown_by_the_next_call(
    any_desk: Desk,
) -> None:
    """In PostgreSQL the slot is taken; who calls again without an id takes another."""
    assert "CapacityNotKept" in fill_disk(any_desk, 100)
    assert any_desk.used() == any_desk.history().count("slot_booked")
    assert json.loads(any_desk.capacity.read_bytes())


def test_a_folder_in_which_nothing_can_be_made_is_named(desk: Desk) -> None:
    desk.capacity.parent.parent.mkdir(parents=True, exist_ok=True)
    desk.capacity.parent.write_text("a file where a folder should be")
    with pytest.raises(OSError, match=f"Capacity file {desk.capacity}: not written now"):
        asyncio.run(CALLS["update"](desk))


def test_reading_does_not_need_what_writing_needs(desk: Desk) -> None:
    desk.put(plain("ACME", 5, 1))
    desk.capacity.chmod(0o444)
    assert asyncio.run(get_available_capacity(desk.capacity)) == plain("ACME", 5, 1)
    KEEPER.close()
    assert [each.name for each in desk.capacity.parent.iterdir()] == ["demo.json"]
