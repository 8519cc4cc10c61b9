"""Reading what people hand in: a file or standard input, of bounded size, with clear messages."""

import csv
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from domain.errors import Invalid
from domain.suppliers.offers import parse_json

_ZIP_COLUMNS = ("zip_code", "Contact_Zip")
_NUMBER = re.compile(r"\d{1,5}(\.0*)?", re.ASCII)


def read_document(path: Path, *, limit_bytes: int, setting: str = "CAPACITY_BODY_BYTES") -> bytes:
    """Return the bytes of a file, `-` for standard input. Raises Invalid."""
    try:
        if str(path) == "-":
            found = sys.stdin.buffer.read(limit_bytes + 1)
        else:
            with path.open("rb") as file:
                found = file.read(limit_bytes + 1)
    except OSError as error:
        raise Invalid(("", f"{path} cannot be read: {_why(error)}")) from None
    if len(found) > limit_bytes:
        detail = f"more than {limit_bytes} bytes, the limit ({setting})"
        raise Invalid(("", f"{path} holds {detail}"))
    return found


@contextmanager
def open_document(path: Path, *, limit_bytes: int, setting: str) -> Iterator[IO[bytes]]:
    """Open a file, `-` for standard input, until the end of the block. Raises Invalid."""
    if not path.is_file():  # standard input or a pipe, in which nothing can go back
        yield io.BytesIO(read_document(path, limit_bytes=limit_bytes, setting=setting))
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise Invalid(("", f"{path} cannot be read: {_why(error)}")) from None
    with file:
        if os.fstat(file.fileno()).st_size > limit_bytes:
            detail = f"more than {limit_bytes} bytes, the limit ({setting})"
            raise Invalid(("", f"{path} holds {detail}"))
        yield file


def write_document_file(path: Path, document: "bytes | memoryview") -> None:
    """Write a file so that it is there whole, or as it was before. Raises Invalid."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(document)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Invalid(("", f"{path} cannot be written: {_why(error)}")) from None


def _why(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    return (error.strerror or str(error)).lower()


def read_registrations(path: Path, *, limit_bytes: int) -> list[Any]:
    """Return the records of a JSON list or a CSV table with a header. Raises Invalid."""
    document = read_document(path, limit_bytes=limit_bytes)
    if path.suffix.lower() == ".csv" or not _looks_like_json(document):
        records = _csv_records(document)
    else:
        records = parse_json(document)
    if not isinstance(records, list):
        raise Invalid(("", f"{path}: a list of registrations is needed"))
    if not records:
        raise Invalid(("", f"{path}: the list of registrations is empty"))
    return records


def _looks_like_json(document: bytes) -> bool:
    return document.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{", b'"', b"")


def _csv_records(document: bytes) -> list[dict[str, Any]]:
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(("", f"byte {error.start} is not UTF-8")) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        header = list(reader.fieldnames or ())
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise Invalid(("", f"the column {twice[0]!r} stands twice in the header"))
        if not {"registration_id", "RegistrationNumber"} & set(header):
            detail = "neither JSON nor CSV with a column registration_id or RegistrationNumber"
            raise Invalid(("", detail))
        return [_with_whole_zip(record) for record in reader]
    except csv.Error as error:
        raise Invalid(("", f"no CSV: {error} at line {reader.line_num}")) from None


def _with_whole_zip(record: dict[str, Any]) -> dict[str, Any]:
    """A spreadsheet saves the zip code 02134 as 2134 or 2134.0; that is a number again here."""
    for column in _ZIP_COLUMNS:
        value = record.get(column)
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            record[column] = int(value.strip().partition(".")[0])
    return record
