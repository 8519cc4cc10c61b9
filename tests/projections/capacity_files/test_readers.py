"""Readers at the same time, and processes that write the same file."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from tests.projections.capacity_files.house import (
    SBUS,
    House,
)


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
from tests.projections.capacity_files.house import SBUS, House
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
