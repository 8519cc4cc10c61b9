"""The result files of a workflow: one row for each registration, whichever run it came from.

Rows of other registrations stay; a file is replaced whole or not at all.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from domain.names import shown
from interfaces.files.handed_in import UNKNOWN, InputRefused, read_bytes, read_json
from interfaces.files.workflow_files import WorkflowFiles
from projections.capacity_files import locked, replace_file

STATS_COLUMNS = ("registration_id", "zip_code", "status", "supplier_id", "reason")
Row = dict[str, Any]
TextOf = Callable[[list[Row]], bytes]
Reader = Callable[[str, Path], list[Row]]


class ResultsNotWritten(OSError):
    """A result file could not be written; what lay there before still does."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"Result file {path} could not be written: {why}")


class ResultFiles:
    """What earlier runs left in the files, and what this one makes of each registration.

    Raises InputRefused, before anything is booked, where a file that is there cannot be
    understood or its folder cannot be written to.
    """

    def __init__(self, files: WorkflowFiles) -> None:
        self._files = files
        self._kept: dict[str, tuple[Row, list[Row], list[Row]]] = {}
        self._unknown: list[Row] = []
        self._earlier_orders = _by_registration(_json_rows("pos_file", files.pos))
        _json_rows("matches_file", files.matches)
        _stats_rows("stats_file", files.stats)
        for field in ("matches", "pos", "stats"):
            _check_writable(f"{field}_file", getattr(files, field))

    def orders(self, registration_id: str, supplier: str) -> list[Row]:
        """Return the purchase orders that an earlier run has made of a match, if it has."""
        found = self._earlier_orders.get(registration_id, [])
        return found if all(each.get("supplier_id") == supplier for each in found) else []

    def keep(self, stats: Row, match: Row | None, orders: list[Row]) -> None:
        """Remember what became of one registration; it replaces what the files say of it."""
        registration_id = str(stats["registration_id"])
        if registration_id == UNKNOWN:
            self._unknown.append(stats)
        else:
            self._kept[registration_id] = stats, [match] if match else [], orders

    def write(self) -> None:
        """Bring every file up to date. Raises ResultsNotWritten.

        What another run has written meanwhile is read again under the file's lock, and kept.
        """
        files = self._files
        matches = {name: match for name, (_, match, _) in self._kept.items()}
        orders = {name: orders for name, (_, _, orders) in self._kept.items()}
        stats = {name: [stats] for name, (stats, _, _) in self._kept.items()}
        stats[UNKNOWN] = self._unknown  # nobody knows whether they are the same as before
        _write(files.matches, lambda rows: _json_text(_merged(rows, matches)), _json_rows)
        _write(files.pos, lambda rows: _json_text(_merged(rows, orders)), _json_rows)
        _write(files.stats, lambda rows: _csv_text(_merged(rows, stats)), _stats_rows)


def _write(path: Path, text_of: TextOf, read: Reader) -> None:
    try:
        with locked(path):
            text = text_of(read(path.name, path))
            if not path.exists() or path.read_bytes() != text:
                replace_file(path, text)
    except InputRefused as refused:
        raise ResultsNotWritten(path, str(refused)) from refused
    except OSError as error:
        raise ResultsNotWritten(path, error.strerror or str(error)) from error


def _merged(rows: Sequence[Row], kept: dict[str, list[Row]]) -> list[Row]:
    """Return rows by registration in their order, those of `kept` in the place of earlier ones."""
    merged = _by_registration(rows) | kept
    return [row for each in merged.values() for row in each]


def _json_rows(field: str, path: Path) -> list[Row]:
    if not path.exists():
        return []
    found = read_json(field, path)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        detail = f"{path} is there: found {shown(found)}, a list of objects is needed"
        raise InputRefused((f"/{field}", detail))
    return found


def _stats_rows(field: str, path: Path) -> list[Row]:
    if not path.exists():
        return []
    try:
        text = read_bytes(field, path).decode()
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        detail = f"{path} is there, and no CSV: {error}"
        raise InputRefused((f"/{field}", detail)) from None
    if tuple(reader.fieldnames or ()) != STATS_COLUMNS:
        columns = ",".join(STATS_COLUMNS)
        detail = f"{path} is there: found other columns, {columns} are needed"
        raise InputRefused((f"/{field}", detail))
    return rows


def _by_registration(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        name = row.get("registration_id") or row.get("RegistrationNumber") or UNKNOWN
        known = found.setdefault(str(name), [])
        if row not in known:  # the original appends without looking
            known.append(row)
    return found


def _check_writable(field: str, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputRefused((f"/{field}", f"{path} cannot be written: {why}")) from None


def _json_text(rows: list[Row]) -> bytes:
    return json.dumps(rows, indent=2).encode()


def _csv_text(rows: list[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, STATS_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
