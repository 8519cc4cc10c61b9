"""What the database knows of each capacity file, and how a file was found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, String, Table, text

from projections.database import metadata

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


class Row(NamedTuple):
    line: str
    scenario: str
    path: str
    position: int
    sha256: str
    pending_sha256: str
    status: str


class Seen(NamedTuple):
    row: Row
    text: bytes
    position: int
    owner: str  # the other scenario to which the path belongs, if one does


def judge(row: Row, found: str, expected: str) -> Literal["ok", "edited", "deleted", "foreign"]:
    """Say whose the file is that lies there; what already says the right thing may stay."""
    if not found:
        return "deleted" if row.sha256 else "ok"
    if found in (row.sha256, row.pending_sha256, expected):
        return "ok"
    return "edited" if row.sha256 else "foreign"


@contextmanager
def synced(connection: Connection, durable: bool) -> Iterator[None]:
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
