"""Backups of the ledger: a copy that is whole, was opened and counted, and lies safe on the disk.

SQLite copies its file page by page inside one read transaction, so that writers go on meanwhile.
`VACUUM INTO` would be smaller and wrong: positions are row ids, and it may number rows anew.
"""

import os
import shlex
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from application.ledger.revisions import SchemaMissing

_PAGES_AT_ONCE = 2_000
_BUSY_SECONDS = 30.0
_SEALED = "SELECT coalesce(max(rowid), 0), count(*) FROM stored_events"

Progress = Callable[[int, int], None]


class BackupFailed(Exception):
    """There is no backup under the name that was asked for; the ledger is as it was."""

    def __init__(self, target: Path, why: str) -> None:
        self.target, self.why = target, why
        super().__init__(f"No backup was made at {target}: {why}")


class Backup(NamedTuple):
    """What a backup holds."""

    path: Path
    position: int
    events: int


def back_up_sqlite(ledger_file: Path, target: Path, *, progress: Progress) -> Backup:
    """Copy a ledger while others write to it. Raises BackupFailed and SchemaMissing."""
    if not ledger_file.exists():
        raise SchemaMissing(f"missing: there is no file {ledger_file}")
    _check_free(target)
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        sealed = _copied(ledger_file, partial, progress)
        if (found := _counted(partial)) != sealed:
            raise BackupFailed(target, f"the copy holds {found}, not {sealed} (position, events)")
        _keep(partial, target)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(target, str(error)) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return Backup(target, *sealed)


def _check_free(target: Path) -> None:
    if not target.parent.is_dir():
        raise BackupFailed(target, f"there is no folder {target.parent}; make it first")
    if target.exists():
        raise BackupFailed(target, "something lies there already; name another file")


def _copied(ledger_file: Path, partial: Path, progress: Progress) -> tuple[int, int]:
    """Copy all pages as they are at one moment, and return what was there at that moment."""
    with closing(_read_only(ledger_file)) as source, closing(sqlite3.connect(partial)) as copy:
        source.execute("BEGIN")
        try:
            sealed: tuple[int, int] = source.execute(_SEALED).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise SchemaMissing("missing") from None
            raise
        source.backup(
            copy,
            pages=_PAGES_AT_ONCE,
            progress=lambda _, left, total: progress(total - left, total),
        )
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        return sealed


def _counted(partial: Path) -> tuple[int, int]:
    """Read the whole copy, and return what it holds. Raises sqlite3.DatabaseError."""
    with closing(_read_only(partial)) as copy:
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")
        found: tuple[int, int] = copy.execute(_SEALED).fetchone()
        return found


def _read_only(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def _keep(partial: Path, target: Path) -> None:
    """Give a whole copy its name, so that a crash leaves all of it or nothing."""
    _synced(partial, os.O_RDWR)
    partial.rename(target)
    _synced(target.parent, os.O_RDONLY | os.O_DIRECTORY)


def _synced(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# PostgreSQL has a program of its own for this.


class Dump(NamedTuple):
    """The command that backs a database up; the password is not in it."""

    arguments: tuple[str, ...]
    password: str

    @property
    def text(self) -> str:
        """The command as it is typed."""
        return shlex.join(self.arguments)


def dump_of(database_url: str, target: Path) -> Dump:
    """Return the command that backs up a whole database, its read models too."""
    parts = urlsplit(database_url)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    url = parts._replace(netloc=f"{name}{at}{host}").geturl()
    arguments = ("pg_dump", "--format=custom", f"--file={target}", f"--dbname={url}")
    return Dump(arguments, unquote(password))


def back_up_postgres(dump: Dump, target: Path) -> None:
    """Run the command; the file gets its name when it is whole and on disk. Raises BackupFailed."""
    _check_free(target)
    partial = target.with_name(f".{target.name}.partial")
    arguments = [each.replace(f"--file={target}", f"--file={partial}") for each in dump.arguments]
    environment = os.environ | ({"PGPASSWORD": dump.password} if dump.password else {})
    try:
        _run(target, arguments, environment)
        listed = _run(target, ["pg_restore", "--list", str(partial)], environment)
        if "TABLE DATA public stored_events" not in listed:
            raise BackupFailed(target, "the dump does not hold the table stored_events")
        _keep(partial, target)
    except OSError as error:
        raise BackupFailed(target, str(error)) from error
    finally:
        partial.unlink(missing_ok=True)


def _run(target: Path, arguments: list[str], environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - programs by name, without a shell
            arguments, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        why = f"{arguments[0]} is not on the PATH; install PostgreSQL's client programs"
        raise BackupFailed(target, why) from None
    if done.returncode:
        raise BackupFailed(target, f"{arguments[0]}: {' '.join(done.stderr.split())}")
    return done.stdout
