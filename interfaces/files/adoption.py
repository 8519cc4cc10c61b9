"""Adopting a capacity file: what it says is recorded as an import, and counted on from there."""

import asyncio
import os
import stat
from contextlib import ExitStack
from pathlib import Path

from application.ledger import Command, Outcome
from application.suppliers import Imported
from domain.errors import Invalid
from domain.suppliers.capacity_files import ImportedFile, read_capacity_file
from interfaces.files.errors import CapacityFileInvalid
from interfaces.identity import fresh_id
from interfaces.service import Service
from projections.capacity_files import locked, real_file

MAX_FILE_BYTES = 8 * 2**20  # 10 000 suppliers with 800 bytes each


async def adopt(
    service: Service,
    *,
    path: Path,
    line: str,
    scenario: str,
    actor: str,
    reason: str,
    capacity_file: str = "",
    afresh: bool = False,
) -> Outcome[Imported]:
    """Record what a capacity file says where it differs from the ledger; else be quiet.

    The file is read strictly and left as it is. `capacity_file` is the scenario's path of its own,
    if it has one; `afresh` begins a new count in any case. Where the file is the scenario's, the
    service writes it from now on. Raises CapacityFileInvalid, OpenedElsewhere
    and CapacityFileTaken.
    """
    await asyncio.to_thread(read_imported, path)  # no lock, nor folder, is made for what is none
    command = Command(actor=actor, reason=reason, command_id=fresh_id(), at=service.clock())
    real_path = await asyncio.to_thread(path.resolve)
    with ExitStack() as held:
        await asyncio.to_thread(held.enter_context, locked(real_path))
        imported = await asyncio.to_thread(read_imported, path)
        outcome = await service.suppliers.import_capacity_file(
            command,
            line=line,
            scenario=scenario,
            imported=imported,
            capacity_file=capacity_file,
            real_file=await asyncio.to_thread(
                real_file, service.settings.data_dir, line, scenario, capacity_file
            ),
            afresh=afresh,
        )
        await asyncio.to_thread(_take_on, service, real_path, line, scenario, imported.sha256)
    return outcome


def _take_on(service: Service, path: Path, line: str, scenario: str, sha256: str) -> None:
    """Let the file be known as ours, or it would be held as one that somebody else put there."""
    service.projector.catch_up()
    if service.capacity_files.path_of(line, scenario) == path:
        service.capacity_files.settle(line, scenario, adopted_sha256=sha256)


def read_imported(path: Path) -> ImportedFile:
    """Read a capacity file that shall be counted on. Raises CapacityFileInvalid."""
    return parse_imported(path, read_writable(path))


def parse_imported(path: Path | str, content: bytes) -> ImportedFile:
    """Return what a capacity file says. Raises CapacityFileInvalid naming every fault."""
    try:
        return read_capacity_file(content)
    except Invalid as invalid:
        raise CapacityFileInvalid(path, invalid.faults) from None


def read_writable(path: Path) -> bytes:
    """Return the bytes of a file that may be replaced by us. Raises CapacityFileInvalid."""
    try:
        check_within_its_folder(path)
        # A pipe would let us wait for ever; opened like this it is seen for what it is.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_found(path, os.fstat(descriptor))
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CapacityFileInvalid(path, [("", error.strerror or str(error))]) from error


def check_within_its_folder(path: Path) -> None:
    """Raise CapacityFileInvalid if the path is a link to a file that lies in another folder."""
    try:
        leaves = path.resolve().parent != path.parent.resolve()
    except RuntimeError:  # links that lead in a circle
        leaves = True
    if path.is_symlink() and leaves:
        detail = "it is a link that leaves its folder, a file in the folder is needed"
        raise CapacityFileInvalid(path, [("", detail)])


def _check_found(path: Path, found: os.stat_result) -> None:
    detail = ""
    if stat.S_ISDIR(found.st_mode):
        detail = "found a directory, a file is needed"
    elif not stat.S_ISREG(found.st_mode):
        detail = "found a pipe or a device, a file is needed"
    elif found.st_size > MAX_FILE_BYTES:
        detail = f"found {found.st_size} bytes, at most {MAX_FILE_BYTES} are allowed"
    elif not found.st_mode & 0o222 or not os.access(path, os.W_OK):
        # Replacing it would need no right to it: who made it read-only is heeded all the same.
        detail = "it is read-only, a file that may be written is needed"
    if detail:
        raise CapacityFileInvalid(path, [("", detail)])
