"""Capacity files: the original's bytes, whole at every moment, never a surprise to their owner."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, Table, select, update

from domain.errors import Invalid
from projections.capacity_files import (
    CapacityFileFailed,
    CapacityFiles,
    CapacityFileWriter,
    Finding,
    NotWritten,
    capacity_text,
    default_path,
    resolve_path,
)
from projections.database import open_read_models

GOLDEN = Path(__file__).parent.parent / "data" / "sbus" / "capacity" / "overlap_only.json"
SBUS = ("sbus", "overlap_only")
TIMEOUT_SECONDS = 30.0


# The format.


def record(supplier: str, capacity: int, used: int, used_pct: float) -> dict[str, Any]:
    return {"SupplierID": supplier, "Capacity": capacity, "Used": used, "UsedPct": used_pct}


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


# Writing. The counts stand in a table of the test's own, as a read model would hold them.

counts = Table(
    "counts",
    MetaData(),
    Column("used", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
)


class House:
    """A data folder, a read model with one scenario in it, and its capacity file."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.engine = open_read_models(f"sqlite:///{folder}/views.db")
        self.files = CapacityFiles(self.engine, self.data_dir, self.document_of)
        self.path = default_path(self.data_dir.resolve(), *SBUS)
        self.paths_asked: dict[str, str] = {}
        self.read = Event()
        self.broken = False

    def create(self) -> "House":
        self.files.create_table()
        with self.engine.begin() as connection:
            counts.create(connection)
            connection.execute(counts.insert().values(used=0, position=0))
        return self

    def document_of(
        self, connection: Connection, *, line: str, scenario: str
    ) -> tuple[dict[str, Any], int, str]:
        used, position = connection.execute(select(counts.c.used, counts.c.position)).one()
        broken = self.broken  # who waits for the reading may mend it at once
        self.read.set()
        if broken:
            raise RuntimeError("the read model is broken")
        document = {"iSoalr": record("iSoalr", 10**9, used, 0.0)}
        return document, position, self.paths_asked.get(scenario, "")

    def book(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                update(counts).values(used=counts.c.used + 1, position=counts.c.position + 1)
            )

    def go_back(self, position: int) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(counts).values(used=position, position=position))

    def used_on_disk(self) -> int:
        used: int = json.loads(self.path.read_bytes())["iSoalr"]["Used"]
        return used

    def status(self) -> str:
        (finding,) = self.files.verify()
        return finding.status


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path).create()
    yield house
    house.engine.dispose()


def hidden_leftovers(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name.endswith(".tmp")]


def test_writes_the_newest_state(house: House) -> None:
    assert house.files.write(*SBUS) == "written"
    house.book()
    assert house.status() == "behind"
    assert house.files.write(*SBUS) == "written"
    assert (house.used_on_disk(), house.status()) == (1, "ok")
    assert hidden_leftovers(house.path.parent) == []


def test_what_is_written_already_is_not_touched(house: House) -> None:
    house.files.write(*SBUS)
    before = house.path.stat()
    assert house.files.write(*SBUS) == "unchanged"
    assert os.path.samestat(before, house.path.stat())


def test_never_writes_an_older_state_than_is_there(house: House) -> None:
    house.book()
    house.book()
    house.files.write(*SBUS)
    house.go_back(1)
    assert house.files.write(*SBUS) == "unchanged"
    assert house.used_on_disk() == 2
    assert house.files.rewrite(*SBUS) == "written"
    assert house.used_on_disk() == 1


def test_keeps_the_mode_that_people_gave_the_file(house: House) -> None:
    house.files.write(*SBUS)
    house.path.chmod(0o640)
    house.book()
    house.files.write(*SBUS)
    assert house.path.stat().st_mode & 0o777 == 0o640


def test_the_path_asked_for_is_used(house: House) -> None:
    house.paths_asked["overlap_only"] = "elsewhere/used.json"
    house.files.write(*SBUS)
    assert (house.data_dir / "elsewhere" / "used.json").exists()


def test_one_path_belongs_to_one_scenario(house: House) -> None:
    house.paths_asked["no_battery"] = "sbus/capacity/overlap_only.json"
    house.files.write(*SBUS)
    house.book()
    with pytest.raises(CapacityFileFailed, match=r"belongs to sbus/overlap_only already"):
        house.files.rewrite("sbus", "no_battery")
    assert house.used_on_disk() == 0
    findings = house.files.verify([("sbus", "no_battery")])
    assert [each.status for each in findings] == ["foreign", "behind"]


# What somebody else did to the file.


def edit(house: House) -> None:
    house.path.write_text("{}")


def delete(house: House) -> None:
    house.path.unlink()


@pytest.mark.parametrize(("meddle", "status"), [(edit, "edited"), (delete, "deleted")])
def test_what_others_changed_is_reported_and_left_alone(
    house: House, meddle: Callable[[House], None], status: str
) -> None:
    house.files.write(*SBUS)
    meddle(house)
    house.book()
    assert house.files.write(*SBUS) == status
    assert house.path.exists() == (status == "edited")
    assert house.status() == status
    assert house.files.rewrite(*SBUS) == "written"
    assert (house.used_on_disk(), house.status()) == (1, "ok")


def test_a_file_that_was_there_before_us_is_left_alone(house: House) -> None:
    house.path.parent.mkdir(parents=True)
    edit(house)
    assert [each.status for each in house.files.verify([SBUS])] == ["foreign"]
    assert house.files.write(*SBUS) == "foreign"
    assert house.path.read_text() == "{}"
    assert house.files.rewrite(*SBUS) == "written"
    assert house.status() == "ok"


def test_a_file_that_already_says_the_right_thing_is_taken_over(house: House) -> None:
    house.files.write(*SBUS)
    text = house.path.read_bytes()
    with house.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM capacity_files")
    assert house.files.write(*SBUS) == "unchanged"
    assert (house.path.read_bytes(), house.status()) == (text, "ok")


def test_a_file_put_back_as_it_was_is_ours_again(house: House) -> None:
    house.files.write(*SBUS)
    text = house.path.read_bytes()
    edit(house)
    assert house.status() == "edited"
    house.path.write_bytes(text)
    assert house.status() == "ok"


def test_verify_says_what_was_found_and_what_was_expected(house: House) -> None:
    assert house.files.verify() == []
    (finding,) = house.files.verify([SBUS])
    assert finding == Finding(*SBUS, house.path, "behind", "", finding.expected_sha256)
    house.files.write(*SBUS)
    assert house.files.verify() == [
        finding._replace(status="ok", found_sha256=finding.expected_sha256)
    ]
    assert not house.files.verify([("sbus", "no_battery")])[0].path.exists()


# What goes wrong.


def test_a_folder_at_the_path_is_named(house: House) -> None:
    house.path.mkdir(parents=True)
    for write in (house.files.write, house.files.rewrite):
        with pytest.raises(CapacityFileFailed) as caught:
            write(*SBUS)
        assert str(caught.value) == f"Capacity file {house.path}: Is a directory"
    assert [each.status for each in house.files.verify([SBUS])] == ["foreign"]


def test_a_file_where_a_folder_is_needed_is_named(house: House) -> None:
    house.data_dir.mkdir()
    (house.data_dir / "sbus").write_text("")
    with pytest.raises(CapacityFileFailed) as caught:
        house.files.write(*SBUS)
    assert str(caught.value) == f"Capacity file {house.path}: Not a directory"


def test_a_full_disk_leaves_the_old_file_whole(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.files.write(*SBUS)
    house.book()

    def disk_full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as outside_world:
        outside_world.setattr(os, "fsync", disk_full)
        with pytest.raises(CapacityFileFailed) as caught:
            house.files.write(*SBUS)
    assert str(caught.value) == f"Capacity file {house.path}: No space left on device"
    assert (house.used_on_disk(), house.status()) == (0, "behind")
    assert hidden_leftovers(house.path.parent) == []
    assert house.files.write(*SBUS) == "written"


class Died(BaseException):
    """The process ended here."""


STEPS = ("fsync of the file", "rename", "after the rename", "fsync of the folder")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("written_before", [True, False])
def test_after_a_crash_at_any_step_nothing_is_reported_and_the_next_write_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str, written_before: bool
) -> None:
    if written_before:
        house.files.write(*SBUS)
    house.book()
    fsync, replace = os.fsync, os.replace
    synced: list[int] = []

    def dying_fsync(descriptor: int) -> None:
        synced.append(descriptor)
        if step == STEPS[0] or (step == STEPS[3] and len(synced) == 2):
            raise Died
        fsync(descriptor)

    def dying_replace(source: Path, target: Path) -> None:
        if step == STEPS[1]:
            raise Died
        replace(source, target)
        if step == STEPS[2]:
            raise Died

    with monkeypatch.context() as outside_world:
        outside_world.setattr(os, "fsync", dying_fsync)
        outside_world.setattr(os, "replace", dying_replace)
        with pytest.raises(Died):
            house.files.write(*SBUS)
    assert house.status() in ("ok", "behind")
    house.book()
    assert house.files.write(*SBUS) == "written"
    assert (house.used_on_disk(), house.status()) == (2, "ok")


def test_what_a_killed_process_left_behind_is_no_hindrance(house: House) -> None:
    house.path.parent.mkdir(parents=True)
    house.path.with_name(f".{house.path.name}.tmp").write_text('{"iSo')
    house.path.with_name(f".{house.path.name}.lock").touch()
    assert house.files.write(*SBUS) == "written"
    assert hidden_leftovers(house.path.parent) == []


def test_one_failure_does_not_stop_the_others(house: House) -> None:
    house.path.mkdir(parents=True)
    failed, held = house.files.write_changed({SBUS, ("sbus", "no_battery")})
    assert held == {}
    assert {key: str(error) for key, error in failed.items()} == {
        SBUS: f"Capacity file {house.path}: Is a directory"
    }
    assert house.path.with_name("no_battery.json").exists()


# Readers at the same time.


def faults_seen_while(path: Path, write_all: Callable[[], None]) -> list[str]:
    """Read the file over and over while it is written; return what no reader may see."""
    done = Event()
    faults: list[str] = []

    def read() -> None:
        newest = 0
        while not done.is_set():
            try:
                used = json.loads(path.read_bytes())["iSoalr"]["Used"]
            except ValueError:
                faults.append("torn")
                continue
            if used < newest:
                faults.append(f"{used} after {newest}")
            newest = used

    reader = Thread(target=read)
    reader.start()
    try:
        write_all()
    finally:
        done.set()
        reader.join()
    return faults


def test_a_reader_never_sees_a_torn_or_an_older_file(house: House) -> None:
    house.files.write(*SBUS)

    def write_all() -> None:
        for _ in range(100):
            house.book()
            house.files.write(*SBUS)

    assert faults_seen_while(house.path, write_all) == []
    assert house.used_on_disk() == 100


def test_the_reader_would_notice_a_file_written_in_place(house: House) -> None:
    """The negative control: truncate and write, as the original did, is caught."""
    house.files.write(*SBUS)
    text = house.path.read_bytes()
    halfway, seen = Event(), Event()

    def write_all() -> None:
        with house.path.open("wb") as file:
            file.write(text[:10])
            file.flush()
            halfway.set()
            seen.wait()
            file.write(text[10:])

    class Noticing(type(house.path)):  # type: ignore[misc] # the class of paths on this system
        def read_bytes(self) -> bytes:
            halfway.wait()
            read: bytes = super().read_bytes()
            if len(read) == 10:
                seen.set()
            return read

    assert "torn" in faults_seen_while(Noticing(house.path), write_all)


def test_the_reader_would_notice_an_older_file(house: House) -> None:
    """The negative control of order: a forced rewrite of an older state is caught."""
    for _ in range(2):
        house.book()
    house.files.write(*SBUS)
    seen_new, seen_old = Event(), Event()

    class Noticing(type(house.path)):  # type: ignore[misc] # the class of paths on this system
        def read_bytes(self) -> bytes:
            read: bytes = super().read_bytes()
            (seen_old if seen_new.is_set() and b'"Used": 1' in read else seen_new).set()
            return read

    def write_all() -> None:
        seen_new.wait()
        house.go_back(1)
        house.files.rewrite(*SBUS)
        seen_old.wait()

    assert "1 after 2" in faults_seen_while(Noticing(house.path), write_all)


BOOK_AND_WRITE = """
import sys
from pathlib import Path
from tests.projections.test_capacity_files import SBUS, House
house = House(Path(sys.argv[1]))
for _ in range(50):
    house.book()
    house.files.write(*SBUS)
house.engine.dispose()
"""


def test_two_processes_write_the_same_file_in_order(house: House, tmp_path: Path) -> None:
    house.files.write(*SBUS)

    def write_all() -> None:
        command = [sys.executable, "-c", BOOK_AND_WRITE, str(tmp_path)]
        root = Path(__file__).parent.parent.parent
        writers = [subprocess.Popen(command, cwd=root) for _ in range(2)]
        assert [writer.wait() for writer in writers] == [0, 0]

    assert faults_seen_while(house.path, write_all) == []
    assert (house.used_on_disk(), house.status()) == (100, "ok")


# The thread that writes.


def test_stopping_writes_what_is_marked(house: House) -> None:
    writer = CapacityFileWriter(house.files)
    writer.mark({SBUS})
    writer.start()
    writer.stop()
    assert (house.used_on_disk(), writer.failures, writer.failing) == (0, 0, {})


def test_marks_during_a_write_become_one_next_write(tmp_path: Path) -> None:
    written: list[list[tuple[str, str]]] = []
    begun, go_on = Event(), Event()

    class Slow(CapacityFiles):
        def write_changed(self, changed: Any) -> NotWritten:
            written.append(sorted(changed))
            begun.set()
            go_on.wait()
            return NotWritten({}, {})

    house = House(tmp_path)
    writer = CapacityFileWriter(Slow(house.engine, tmp_path, house.document_of))
    writer.start()
    writer.mark({("sbus", "a")})
    begun.wait()
    for scenario in ("b", "c", "b"):
        writer.mark({("sbus", scenario)})
    go_on.set()
    writer.stop()
    house.engine.dispose()
    assert written == [[("sbus", "a")], [("sbus", "b"), ("sbus", "c")]]


def test_a_failed_write_is_tried_again_at_the_next_mark(house: House) -> None:
    house.broken = True
    writer = CapacityFileWriter(house.files, retry_seconds=3_600)
    writer.mark({SBUS})
    writer.start()
    house.read.wait()
    house.broken = False
    writer.mark({("sbus", "no_battery")})
    writer.stop()
    assert house.used_on_disk() == 0
    assert (writer.failures, writer.failing) == (1, {})


def test_a_failed_write_is_tried_again_by_itself(house: House) -> None:
    house.broken = True
    writer = CapacityFileWriter(house.files, retry_seconds=0.001)
    writer.mark({SBUS})
    writer.start()
    for _ in range(3):
        house.read.wait()
        house.read.clear()
    assert writer.failures >= 2
    writer.stop()
    assert writer.failing == {SBUS: "the read model is broken"}


def test_all_files_are_looked_at_when_the_writer_starts(house: House) -> None:
    """A mark dies with its process; the next one writes what was left undone."""
    house.files.write(*SBUS)
    house.book()
    writer = CapacityFileWriter(house.files, lambda: [SBUS])
    writer.start()
    writer.stop()
    assert house.used_on_disk() == 1


def test_all_files_are_looked_at_again_and_again(house: House) -> None:
    """Another process may move the read models without writing our files."""
    writer = CapacityFileWriter(
        house.files, lambda: [SBUS], sweep_seconds=0.001, pause_seconds=0.001
    )
    writer.start()
    for _ in range(3):
        house.read.clear()
        assert house.read.wait(TIMEOUT_SECONDS)
    writer.stop()


def test_a_list_of_files_that_cannot_be_had_is_asked_for_again(house: House) -> None:
    asked: list[int] = []

    def everything() -> list[tuple[str, str]]:
        asked.append(1)
        if len(asked) == 1:
            raise RuntimeError("the read models are away")
        return [SBUS]

    writer = CapacityFileWriter(house.files, everything, retry_seconds=0.001, pause_seconds=0.001)
    writer.start()
    assert house.read.wait(TIMEOUT_SECONDS)
    writer.stop()
    assert house.used_on_disk() == 0


def test_a_file_that_is_held_back_is_told_until_it_is_written_anew(house: House) -> None:
    house.files.write(*SBUS)
    edit(house)
    writer = CapacityFileWriter(
        house.files, lambda: [SBUS], retry_seconds=0.001, pause_seconds=0.001
    )
    writer.start()
    wait_until(lambda: writer.held == {SBUS: "edited"})
    house.files.rewrite(*SBUS)
    wait_until(lambda: writer.held == {})
    writer.stop()
    assert (writer.failures, writer.failing) == (0, {})


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.001)


def test_writes_from_postgresql_alike(postgres_url: str, tmp_path: Path) -> None:
    """The same table, locks and steps on the other store."""
    house = House(tmp_path)
    house.engine.dispose()
    engine: Engine = open_read_models(postgres_url)
    house.engine, house.files = engine, CapacityFiles(engine, house.data_dir, house.document_of)
    house.create()
    house.files.write(*SBUS)
    house.book()
    assert house.files.write(*SBUS) == "written"
    edit(house)
    assert house.files.write(*SBUS) == "edited"
    assert house.files.rewrite(*SBUS) == "written"
    assert (house.used_on_disk(), house.status()) == (1, "ok")
    engine.dispose()
