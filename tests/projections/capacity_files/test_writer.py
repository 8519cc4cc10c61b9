"""The thread that writes what has changed."""

from pathlib import Path
from threading import Event
from typing import Any

from projections.capacity_files import (
    CapacityFiles,
    CapacityFileWriter,
    NotWritten,
)
from tests.projections.capacity_files.house import SBUS, TIMEOUT_SECONDS, House, edit
from tests.support.waiting import wait_until


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
