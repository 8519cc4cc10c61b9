"""Files on disk: what lies there, who may write, and how a file is replaced whole."""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from domain.suppliers.capacity_files import printed


class CapacityFileFailed(Exception):
    """A capacity file could not be read or written; what lay there before still does."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"Capacity file {path}: {why}")


def digest(text: bytes) -> str:
    """Return what the bytes of a file are known by."""
    return sha256(text).hexdigest()


def digest_on_disk(path: Path) -> str:
    """Return it of the file that lies at a path; empty where there is none."""
    try:
        return digest(path.read_bytes())
    except FileNotFoundError:
        return ""


def says_the_same(path: Path, document: bytes) -> bool:
    """Whether a file holds this document, perhaps written another way."""
    try:
        return printed(json.loads(path.read_bytes())).encode() == document
    except (FileNotFoundError, ValueError):
        return False


@contextmanager
def failures_named(path: Path) -> Iterator[None]:
    """Raise CapacityFileFailed for what the operating system refuses."""
    try:
        yield
    except OSError as error:
        raise CapacityFileFailed(path, error.strerror or str(error)) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the one right to write this file, among threads and processes alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_path = path.with_name(f".{path.name}.lock")
    while True:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(descriptor, lock_path):
                yield
                return
        finally:
            os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one at the path: somebody may have cleaned up meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def replace_file(path: Path, text: bytes) -> None:
    """Put `text` at `path` so that a reader, or a crash, sees the old file whole or the new one."""
    # Under the lock one name is enough, and what a crash left there is used up by the next write.
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            with suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - the two lines belong together in one module
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
