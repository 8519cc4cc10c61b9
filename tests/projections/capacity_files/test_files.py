"""Writing capacity files, what somebody else did to them, and what goes wrong."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from projections.capacity_files import (
    CapacityFileFailed,
    CapacityFiles,
    Finding,
)
from projections.database import open_read_models
from tests.projections.capacity_files.house import SBUS, House, delete, edit, hidden_leftovers


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


# What somebody else did to the file.


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
