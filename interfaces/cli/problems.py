"""What went wrong, as one message for the person who must act, and an exit code for scripts."""

import sys
from typing import Any, NamedTuple

from domain.errors import Conflict, DomainError, Invalid, NotFound, Refused
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import json_text, note
from interfaces.files.errors import CapacityNotKept, CapacityTrackerError


class Problem(NamedTuple):
    """One thing in the way; `faults` are pairs of a JSON pointer and what stands there."""

    exit_code: ExitCode
    code: str
    message: str
    faults: tuple[tuple[str, str], ...] = ()

    def say(self, *, as_json: bool) -> None:
        """Print it on stderr."""
        if not as_json:
            note(f"Error: {self.message}" if not self.faults else _listed(self.faults))
            return
        document: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "exit_code": int(self.exit_code),
        }
        if self.faults:
            document["problems"] = [
                {"pointer": pointer, "detail": detail} for pointer, detail in self.faults
            ]
        print(json_text(document), file=sys.stderr)


NEWER_PROGRAM = (
    "a newer program wrote it: use that one (`capacity --version` says which one this is)"
)


class Usage(Exception):
    """The command line says something that cannot be understood."""


class NotCurrent(Exception):
    """Read models or capacity files cannot be brought up to date."""


_KINDS = ((NotFound, ExitCode.NOT_FOUND), (Conflict, ExitCode.CONFLICT))


def problem_of(error: Exception) -> Problem | None:
    """Return what people can mend about an error; None if it is a fault of the program."""
    if isinstance(error, DomainError):
        kinds = (code for kind, code in _KINDS if isinstance(error, kind))
        faults = error.faults if isinstance(error, Invalid) else ()
        return Problem(next(kinds, ExitCode.REFUSED), error.code, str(error), faults)
    if isinstance(error, Usage):
        return Problem(ExitCode.USAGE, "usage", str(error))
    if isinstance(error, CapacityTrackerError):
        return Problem(ExitCode.REFUSED, "capacity-file-refused", str(error))
    if isinstance(error, CapacityNotKept):
        return Problem(ExitCode.UNAVAILABLE, "capacity-not-kept", str(error))
    if isinstance(error, NotCurrent):
        return Problem(ExitCode.NOT_CURRENT, "not-current", str(error))
    return _settings_problem(error) or _reading_side_problem(error) or _ledger_problem(error)


def _settings_problem(error: Exception) -> Problem | None:
    if type(error).__name__ not in ("ValidationError", "SettingsError"):
        return None
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    if isinstance(error, SettingsError):
        return Problem(ExitCode.USAGE, "settings", str(error))
    if not isinstance(error, ValidationError) or error.title != "Settings":
        return None
    # The value itself is not shown: a URL may hold a password.
    found = [
        f"CAPACITY_{'_'.join(map(str, each['loc'])).upper()}: "
        + each["msg"].removeprefix("Value error, ")
        for each in error.errors()
    ]
    return Problem(ExitCode.USAGE, "settings", "; ".join(found))


def _reading_side_problem(error: Exception) -> Problem | None:
    from interfaces.service import ReadModelsAhead
    from projections.beside import RebuildRefused
    from projections.capacity_files import CapacityFileFailed
    from projections.database import VersionReplaced
    from projections.folding import EventFailed
    from projections.past import PastFailed
    from projections.projector import AheadOfLog, NotFollowed, UnknownProjection
    from projections.retrying import NotParked, Overtaken

    if isinstance(error, ReadModelsAhead):
        return Problem(ExitCode.NOT_CURRENT, "ahead-of-ledger", str(error))
    if isinstance(error, UnknownProjection):
        return Problem(ExitCode.NOT_FOUND, "projection-not-found", str(error))
    if isinstance(error, RebuildRefused):
        return Problem(ExitCode.CONFLICT, "rebuild-refused", str(error))
    if isinstance(error, CapacityFileFailed):
        return Problem(ExitCode.NOT_CURRENT, "capacity-file-failed", str(error))
    if isinstance(error, PastFailed):
        return Problem(ExitCode.UNAVAILABLE, "past-unavailable", str(error))
    if isinstance(error, AheadOfLog):
        advice = "`capacity recover` does"
        return Problem(ExitCode.NOT_CURRENT, "ahead-of-ledger", f"{error}: {advice}")
    if isinstance(error, NotParked):
        return Problem(ExitCode.NOT_FOUND, "parked-event-not-found", str(error))
    if isinstance(error, NotFollowed):
        return Problem(ExitCode.NOT_CURRENT, "not-followed", str(error))
    if isinstance(error, VersionReplaced):
        advice = "use one program at a time (`capacity --version` says which one this is)"
        return Problem(ExitCode.NOT_CURRENT, "projection-failed", f"{error}; {advice}")
    if isinstance(error, EventFailed | Overtaken):
        return Problem(ExitCode.NOT_CURRENT, "projection-failed", str(error))
    return None


def _ledger_problem(error: Exception) -> Problem | None:
    import sqlite3

    import psycopg
    import psycopg_pool
    from sqlalchemy.exc import DBAPIError

    from application.ledger import LedgerUnavailable, SchemaMissing, SchemaNewer
    from application.ledger.backups import BackupFailed
    from application.ledger.store import StoreLost
    from domain.catalogue import UnknownTopic
    from domain.stored import BrokenChain

    if isinstance(error, BrokenChain):
        return Problem(ExitCode.FOUND_WRONG, "broken-chain", f"{error}: `capacity audit verify`")
    if isinstance(error, SchemaMissing):
        return Problem(ExitCode.UNAVAILABLE, "schema-missing", str(error))
    if isinstance(error, SchemaNewer):
        return Problem(ExitCode.UNAVAILABLE, "schema-newer", str(error))
    if isinstance(error, UnknownTopic):
        return Problem(ExitCode.UNAVAILABLE, "unknown-topic", f"{error}; {NEWER_PROGRAM}")
    if isinstance(error, BackupFailed):
        return Problem(ExitCode.UNAVAILABLE, "backup-failed", str(error))
    if isinstance(error, DBAPIError):
        error = error.orig if isinstance(error.orig, Exception) else error
    lost = (
        LedgerUnavailable,
        StoreLost,
        ConnectionError,
        psycopg.OperationalError,
        psycopg.InterfaceError,
        psycopg_pool.PoolTimeout,
        sqlite3.OperationalError,
        sqlite3.DatabaseError,
    )
    if isinstance(error, BrokenPipeError) or not isinstance(error, lost):
        return None
    message = " ".join(str(error).split())
    if not isinstance(error, LedgerUnavailable):
        message = f"The database cannot be used: {message}"
    return Problem(ExitCode.UNAVAILABLE, "ledger-unavailable", message)


def _listed(faults: tuple[tuple[str, str], ...]) -> str:
    found = [f"{pointer}: {detail}" if pointer else detail for pointer, detail in faults]
    return "Error: " + "; ".join(found)


assert issubclass(Invalid, Refused)
