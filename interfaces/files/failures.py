"""What the callers of the drop-in functions are told when something fails."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from application.ledger import LedgerUnavailable, SchemaMissing
from application.ledger.store import StoreLost
from domain.errors import DomainError
from domain.suppliers import CapacityFileTaken, OpenedElsewhere
from interfaces.files.errors import CapacityNotKept, CapacityTrackerError, NotCounted
from projections.capacity_files import CapacityFileFailed
from projections.projector import AheadOfLog

_NOT_KEPT = (
    AheadOfLog,
    CapacityFileFailed,
    DBAPIError,
    LedgerUnavailable,
    OSError,
    SchemaMissing,
    StoreLost,
    sqlite3.Error,
)


def named(path: Path, error: Any) -> Any:
    """Return an error as the drop-in functions raise it; everything else stays as it is."""
    if isinstance(error, CapacityTrackerError | CapacityNotKept):
        return error
    if isinstance(error, CapacityFileTaken | OpenedElsewhere):
        return CapacityTrackerError(f"Capacity file {path}: {error}")
    if isinstance(error, DomainError):
        return NotCounted(str(error))
    if isinstance(error, _NOT_KEPT) or _is_of_postgres(error):
        told = " ".join(str(error).split())
        failure = CapacityNotKept(f"Capacity file {path}: not written now: {told}")
        failure.__cause__ = error
        return failure
    return error


def _is_of_postgres(error: Any) -> bool:
    """Return whether it comes from a driver that most who call these functions never load."""
    import psycopg
    import psycopg_pool

    return isinstance(error, psycopg.Error | psycopg_pool.PoolTimeout)
