"""Which capacity files lie on disk, and whether each is still what was written there last.

A file is replaced whole or not at all, and never by an older one. What somebody else changed is
reported and left alone until somebody asks for it to be written anew.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Engine, func, insert, select, update

from projections.capacity_files.disk import (
    CapacityFileFailed,
    digest,
    digest_on_disk,
    failures_named,
    locked,
    replace_file,
    says_the_same,
)
from projections.capacity_files.paths import capacity_text, default_path, resolve_path
from projections.capacity_files.records import (
    Finding,
    Key,
    NotWritten,
    Outcome,
    Row,
    Seen,
    Status,
    capacity_files,
    judge,
    synced,
)
from projections.database import metadata, reading

_TABLE_LOCK = 0x66696C6573  # any number that nobody else takes: "files" in ASCII

_log = structlog.get_logger(__name__)


class DocumentOf(Protocol):
    """Answers a scenario's capacity document, its position, and the path asked for, if any."""

    def __call__(
        self, connection: Connection, *, line: str, scenario: str
    ) -> tuple[dict[str, Any], int, str]:
        """Return them as one read transaction sees them."""


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
        with failures_named(path), locked(path):
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
        with failures_named(path):
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
        with failures_named(path), locked(path) if path.parent.is_dir() else nullcontext():
            seen = self._see(path, line, scenario)
            found = "" if path.is_dir() else digest_on_disk(path)
            expected = digest(seen.text)
            status: Status
            if seen.owner:
                status = "foreign"
            elif path.is_dir():
                status = "edited" if seen.row.sha256 else "foreign"
            else:
                status = judge(seen.row, found, expected)
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

    def _see(self, path: Path, line: str, scenario: str) -> "Seen":
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
        return Seen(
            row=Row(line, scenario, relative, *recorded),
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
        found, expected = digest_on_disk(path), digest(document)
        status = judge(row, found, expected)
        if status != "ok" and not rewrite:
            self._note(path, row, status)
            return status
        if row.position > position and not rewrite:
            return "unchanged"  # somebody else wrote what is newer than what we can see
        ours = found if status == "ok" else row.sha256
        if as_it_is and found != expected and says_the_same(path, document):
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

    def _note(self, path: Path, row: "Row", status: Status) -> None:
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

    def _record(self, row: "Row", *, durable: bool = False) -> None:
        table = capacity_files
        here = (table.c.line == row.line, table.c.scenario == row.scenario)
        # Under the file's lock nobody else records this row, so the two steps need no upsert.
        with self._engine.connect() as connection, synced(connection, durable):
            if not connection.execute(update(table).where(*here).values(row._asdict())).rowcount:
                connection.execute(insert(table).values(row._asdict()))
            connection.commit()
