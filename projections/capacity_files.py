"""Which capacity files lie on disk, and whether each is still what was written there last.

A file is replaced whole or not at all, and never by an older one. What somebody else changed is
reported and left alone until somebody asks for it to be written anew.
"""

import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from threading import Condition, Thread
from typing import Any, Literal, NamedTuple, Protocol

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    String,
    Table,
    func,
    insert,
    select,
    text,
    update,
)

from domain.errors import Invalid
from domain.names import file_name_fault, shown
from domain.suppliers.capacity_files import printed
from projections.database import metadata, reading

MAX_PATH_CHARACTERS = 1_000
_PAUSES_EACH_WRITE = 20  # so that writing takes a twentieth of the time, whatever the size
_SWEPT_AT_ONCE = 20  # what has just changed never waits for the whole sweep
_TABLE_LOCK = 0x66696C6573  # any number that nobody else takes: "files" in ASCII

# `sha256` is what was last known to lie on disk, `pending_sha256` what was about to replace it:
# after a crash either is ours. `position` is the newest that a write has begun with. The path is
# below the data folder, which may move.
capacity_files = Table(
    "capacity_files",
    metadata,
    Column("line", String, primary_key=True),
    Column("scenario", String, primary_key=True),
    Column("path", String, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
    Column("pending_sha256", String, nullable=False),
    Column("status", String, nullable=False),
)

Key = tuple[str, str]
Status = Literal["ok", "edited", "deleted", "foreign", "behind"]
Outcome = Literal["written", "unchanged", "edited", "deleted", "foreign"]

_log = structlog.get_logger(__name__)


class CapacityFileFailed(Exception):
    """A capacity file could not be read or written; what lay there before still does."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"Capacity file {path}: {why}")


class Finding(NamedTuple):
    """How one capacity file was found; a digest is empty where there is no file."""

    line: str
    scenario: str
    path: Path
    status: Status
    found_sha256: str
    expected_sha256: str


class NotWritten(NamedTuple):
    """Which files could not be brought up to date, and which are left to whoever changed them."""

    failed: dict[Key, Exception]
    held: dict[Key, Outcome]


class DocumentOf(Protocol):
    """Answers a scenario's capacity document, its position, and the path asked for, if any."""

    def __call__(
        self, connection: Connection, *, line: str, scenario: str
    ) -> tuple[dict[str, Any], int, str]:
        """Return them as one read transaction sees them."""


# The format, and where a file lies.


def capacity_text(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a capacity file: indented, ASCII, without a newline at the end."""
    return printed(document).encode()


def default_path(data_dir: Path, line: str, scenario: str) -> Path:
    """Return where the capacity file of a scenario lies unless another path was asked for."""
    return data_dir / line / "capacity" / f"{scenario}.json"


def resolve_path(data_dir: Path, text: str) -> Path:
    """Return the real path that `text` names below the data folder. Raises Invalid."""
    if fault := _path_fault(data_dir, text):
        raise Invalid(("/capacity_file", fault))
    return (data_dir / text).resolve()


def _path_fault(data_dir: Path, text: str) -> str:
    if len(text) > MAX_PATH_CHARACTERS:
        return f"found {len(text)} characters, at most {MAX_PATH_CHARACTERS} are allowed"
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        return f"found {shown(text)}, a path below the data folder is needed"
    if not path.parts:
        return f"found {shown(text)}, the path of a file is needed"
    for part in path.parts:
        if fault := file_name_fault(part):
            return fault
    try:
        below = (data_dir / text).resolve().is_relative_to(data_dir.resolve())
    except (OSError, RuntimeError):  # links that lead in a circle
        below = False
    return "" if below else f"found {shown(text)}, which leads out of the data folder by a link"


class CapacityFiles:
    """Writes and verifies capacity files; any number of threads and processes may do so at once.

    All of them must see the same data folder: an advisory lock beside each file lets one write.
    """

    def __init__(self, engine: Engine, data_dir: Path, document_of: DocumentOf) -> None:
        self._engine, self._reading = engine, reading(engine)
        self._data_dir, self._document_of = data_dir, document_of
        self._paths_asked: dict[Key, str] = {}

    def create_table(self) -> None:
        """Make the table where it is missing; safe when several processes start at once."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_TABLE_LOCK)))
            metadata.create_all(connection, tables=[capacity_files])

    def write(self, line: str, scenario: str, *, rewrite: bool = False) -> Outcome:
        """Bring one file up to date. Raises CapacityFileFailed.

        A file that is not what was last written there is replaced only if `rewrite` asks for it.
        """
        if self._kept_elsewhere(line, scenario):
            return "unchanged"
        path = self.path_of(line, scenario)
        with _failures_named(path), locked(path):
            return self._write_locked(path, line, scenario, rewrite)

    # For whoever adopts what others write: both are asked while `locked` is held.

    def known_digests(self, line: str, scenario: str) -> tuple[str, ...]:
        """Return the digests under which the file on disk is ours; none: it was never written."""
        table = capacity_files
        here = (table.c.line == line, table.c.scenario == scenario)
        with self._reading.connect() as connection:
            row = connection.execute(
                select(table.c.sha256, table.c.pending_sha256).where(*here)
            ).one_or_none()
        return tuple(each for each in row or () if each)

    def settle(self, line: str, scenario: str, *, adopted_sha256: str | None = None) -> Outcome:
        """Bring one file up to date, and leave one that says the same in other bytes as it is.

        `adopted_sha256` is the digest of what was found there and taken over; empty: nothing.
        """
        path = self.path_of(line, scenario)
        with _failures_named(path):
            return self._write_locked(path, line, scenario, False, adopted_sha256, as_it_is=True)

    def at_root(self) -> "CapacityFiles":
        """Return the same for files at absolute paths, which lie below no data folder."""
        return CapacityFiles(self._engine, Path("/"), self._document_of)

    def write_changed(self, changed: Iterable[Key]) -> NotWritten:
        """Bring files up to date, and return those that are not, with the reason."""
        found = NotWritten({}, {})
        for line, scenario in sorted(changed):
            try:
                outcome = self.write(line, scenario)
            except Exception as error:  # one failure never stops the rest
                found.failed[line, scenario] = error
                continue
            if outcome not in ("written", "unchanged"):
                found.held[line, scenario] = outcome
        return found

    def rewrite(self, line: str, scenario: str) -> Outcome:
        """Write one file anew, whatever lies there now."""
        return self.write(line, scenario, rewrite=True)

    def verify(self, scenarios: Iterable[Key] = ()) -> list[Finding]:
        """Compare the files written so far, and those of `scenarios`, with what belongs there."""
        with self._reading.connect() as connection:
            columns = (capacity_files.c.line, capacity_files.c.scenario)
            known = {(line, scenario) for line, scenario in connection.execute(select(*columns))}
        ours = (key for key in known | set(scenarios) if not self._kept_elsewhere(*key))
        return [self._verify(line, scenario) for line, scenario in sorted(ours)]

    def _verify(self, line: str, scenario: str) -> Finding:
        path = self.path_of(line, scenario)
        with _failures_named(path), locked(path) if path.parent.is_dir() else nullcontext():
            seen = self._see(path, line, scenario)
            found = "" if path.is_dir() else _digest_on_disk(path)
            expected = _digest(seen.text)
            status: Status
            if seen.owner:
                status = "foreign"
            elif path.is_dir():
                status = "edited" if seen.row.sha256 else "foreign"
            else:
                status = _judge(seen.row, found, expected)
            if not seen.owner:
                self._note(path, seen.row, status)
            if status == "ok" and found != expected:
                status = "behind"
            return Finding(line, scenario, path, status, found, expected)

    def path_of(self, line: str, scenario: str) -> Path:
        """Return the real path of a scenario's file. Raises Invalid if it leaves the folder."""
        asked = self._asked(line, scenario)
        if self._at_root:
            return Path(asked)  # real and absolute: the caller's own, not a name in a request
        default = default_path(Path(), line, scenario).as_posix()
        return resolve_path(self._data_dir, asked or default)

    def _asked(self, line: str, scenario: str) -> str:
        asked = self._paths_asked.get((line, scenario))
        if asked is None:
            with self._reading.connect() as connection:
                asked = self._document_of(connection, line=line, scenario=scenario)[2]
            # A scenario is opened with its path and keeps it.
            self._paths_asked[line, scenario] = asked
        return asked

    def _kept_elsewhere(self, line: str, scenario: str) -> bool:
        """Whether the drop-in functions write the file, at an absolute path that is not for us."""
        return not self._at_root and PurePosixPath(self._asked(line, scenario)).is_absolute()

    @property
    def _at_root(self) -> bool:
        return self._data_dir == Path("/")

    def _see(self, path: Path, line: str, scenario: str) -> "_Seen":
        """Return what is recorded of a file and what belongs there, in one read transaction."""
        # At the root paths stay absolute, or they would be taken for paths below a data folder.
        below = path if self._at_root else path.relative_to(self._data_dir.resolve())
        relative = below.as_posix()
        table = capacity_files
        columns = (table.c.position, table.c.sha256, table.c.pending_sha256, table.c.status)
        here = select(*columns).where(table.c.line == line, table.c.scenario == scenario)
        others = select(table.c.line, table.c.scenario).where(table.c.path == relative)
        with self._reading.connect() as connection:
            if connection.dialect.name == "postgresql":  # there each statement sees its own moment
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            document, position, _ = self._document_of(connection, line=line, scenario=scenario)
            recorded = connection.execute(here).one_or_none() or (-1, "", "", "")
            owners = {tuple(each) for each in connection.execute(others)} - {(line, scenario)}
        return _Seen(
            row=_Row(line, scenario, relative, *recorded),
            text=capacity_text(document),
            position=position,
            owner="/".join(min(owners, default=())),
        )

    def _write_locked(
        self,
        path: Path,
        line: str,
        scenario: str,
        rewrite: bool,
        adopted_sha256: str | None = None,
        *,
        as_it_is: bool = False,
    ) -> Outcome:
        row, document, position, owner = self._see(path, line, scenario)
        if owner:
            raise CapacityFileFailed(path, f"belongs to {owner} already")
        recorded = row
        if adopted_sha256 is not None:
            row = row._replace(sha256=adopted_sha256, pending_sha256="")
        found, expected = _digest_on_disk(path), _digest(document)
        status = _judge(row, found, expected)
        if status != "ok" and not rewrite:
            self._note(path, row, status)
            return status
        if row.position > position and not rewrite:
            return "unchanged"  # somebody else wrote what is newer than what we can see
        ours = found if status == "ok" else row.sha256
        if as_it_is and found != expected and _says_the_same(path, document):
            expected = found
        if found != expected:
            # Recorded first: if we die between here and the end, either digest is known as ours.
            begun = row._replace(position=position, sha256=ours, pending_sha256=expected)
            self._record(begun, durable=True)
            replace_file(path, document)
        done = row._replace(position=position, sha256=expected, pending_sha256="", status="ok")
        if done != recorded:
            self._record(done)
        return "unchanged" if found == expected else "written"

    def _note(self, path: Path, row: "_Row", status: Status) -> None:
        """Record and report a status once, not at every write that it holds up."""
        if status == (row.status or "ok"):
            return
        if status != "ok":
            _log.warning(
                "capacity_file_not_ours",
                line=row.line,
                scenario=row.scenario,
                path=str(path),
                status=status,
            )
        self._record(row._replace(status=status))

    def _record(self, row: "_Row", *, durable: bool = False) -> None:
        table = capacity_files
        here = (table.c.line == row.line, table.c.scenario == row.scenario)
        # Under the file's lock nobody else records this row, so the two steps need no upsert.
        with self._engine.connect() as connection, _synced(connection, durable):
            if not connection.execute(update(table).where(*here).values(row._asdict())).rowcount:
                connection.execute(insert(table).values(row._asdict()))
            connection.commit()


@contextmanager
def _synced(connection: Connection, durable: bool) -> Iterator[None]:
    """Have the next commit outlive a power failure: read models as such may lose their last."""
    if durable and connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL synchronous_commit = on"))
    elif durable and connection.dialect.name == "sqlite":
        _set_synchronous(connection, "FULL")
        try:
            yield
        finally:
            connection.rollback()  # the pragma holds only between transactions
            _set_synchronous(connection, "NORMAL")
        return
    yield


def _set_synchronous(connection: Connection, level: str) -> None:
    driver_connection: Any = connection.connection.driver_connection
    driver_connection.execute(f"PRAGMA synchronous = {level}")


class _Row(NamedTuple):
    line: str
    scenario: str
    path: str
    position: int
    sha256: str
    pending_sha256: str
    status: str


class _Seen(NamedTuple):
    row: _Row
    text: bytes
    position: int
    owner: str  # the other scenario to which the path belongs, if one does


def _judge(row: _Row, found: str, expected: str) -> Literal["ok", "edited", "deleted", "foreign"]:
    """Say whose the file is that lies there; what already says the right thing may stay."""
    if not found:
        return "deleted" if row.sha256 else "ok"
    if found in (row.sha256, row.pending_sha256, expected):
        return "ok"
    return "edited" if row.sha256 else "foreign"


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()


def _digest_on_disk(path: Path) -> str:
    try:
        return _digest(path.read_bytes())
    except FileNotFoundError:
        return ""


def _says_the_same(path: Path, document: bytes) -> bool:
    """Whether a file holds this document, perhaps written another way."""
    try:
        return printed(json.loads(path.read_bytes())).encode() == document
    except (FileNotFoundError, ValueError):
        return False


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
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


class CapacityFileWriter:
    """Writes the files of scenarios that changed, in a thread of its own.

    What is marked during a write becomes one next write. What failed or is held back is tried again
    at the next mark and every few seconds, and once more when it stops. `everything` says which
    files there are: all are looked at when it starts, and again and again, because a mark dies with
    its process, and another process may have moved the read models without writing our files.
    """

    def __init__(
        self,
        files: CapacityFiles,
        everything: Callable[[], Iterable[Key]] = tuple,
        *,
        retry_seconds: float = 5.0,
        pause_seconds: float = 0.1,
        sweep_seconds: float = 60.0,
    ) -> None:
        self._files, self._everything = files, everything
        self._retry_seconds, self._pause_seconds = retry_seconds, pause_seconds
        self._sweep_seconds = sweep_seconds
        self._sweep_at = time.monotonic()
        self._unswept: list[Key] = []
        self._condition = Condition()
        self._marked: set[Key] = set()
        self._failing: dict[Key, str] = {}
        self._held: dict[Key, Outcome] = {}
        self._failures = 0
        self._stopping = False
        self._thread = Thread(target=self._run, name="capacity-files", daemon=True)

    @property
    def failures(self) -> int:
        """How many writes have failed since the start."""
        return self._failures

    @property
    def failing(self) -> dict[Key, str]:
        """Which files cannot be written now, and why."""
        with self._condition:
            return dict(self._failing)

    @property
    def held(self) -> dict[Key, Outcome]:
        """Which files are left alone now, because they were edited, deleted, or never ours."""
        with self._condition:
            return dict(self._held)

    def mark(self, changed: Iterable[Key]) -> None:
        """Ask for these files to be written soon; returns at once."""
        with self._condition:
            self._marked.update(changed)
            self._condition.notify()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is marked, then end."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join()

    def _pause(self, write_seconds: float) -> None:
        """Leave time between writes, the more the longer they take: changes become one write."""
        pause_seconds = max(self._pause_seconds, _PAUSES_EACH_WRITE * write_seconds)
        with self._condition:
            self._condition.wait_for(lambda: self._stopping, timeout=pause_seconds)

    def _run(self) -> None:
        last = False
        while not last:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._marked or self._stopping,
                    timeout=self._patience_seconds(),
                )
                last = self._stopping
                asked = self._marked | set(self._failing) | set(self._held)
                self._marked = set()
            asked.update(self._swept())
            if not asked:
                continue
            begun = time.monotonic()
            failed, held = self._files.write_changed(asked)
            self._pause(time.monotonic() - begun)
            for (line, scenario), error in failed.items():
                _log.error("capacity_file_failed", line=line, scenario=scenario, error=str(error))
            with self._condition:
                self._failures += len(failed)
                self._failing = {key: str(error) for key, error in failed.items()}
                self._held = held
                last = last and not self._marked

    def _patience_seconds(self) -> float:
        """Say how long nothing need be done when nobody asks."""
        if self._unswept:
            return 0.0
        until_sweep_seconds = max(0.0, self._sweep_at - time.monotonic())
        trouble = self._failing or self._held
        return min(self._retry_seconds, until_sweep_seconds) if trouble else until_sweep_seconds

    def _swept(self) -> list[Key]:
        """Return the next few files of a sweep, and begin one when it is time."""
        if not self._unswept and time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + self._sweep_seconds
            try:
                self._unswept = list(self._everything())
            except Exception as error:  # what is marked must be written all the same
                self._sweep_at = time.monotonic() + self._retry_seconds
                _log.error("capacity_files_not_listed", error=str(error))
        some, self._unswept = self._unswept[:_SWEPT_AT_ONCE], self._unswept[_SWEPT_AT_ONCE:]
        return some
