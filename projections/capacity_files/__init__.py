"""Capacity files on disk, kept as the read models say.

`paths` says where a file lies and what its bytes are, `disk` how it is replaced, `records` what the
database knows of it; `files` writes and verifies them, `writer` does so whenever one changes.
"""

from projections.capacity_files.disk import CapacityFileFailed, locked, replace_file
from projections.capacity_files.files import CapacityFiles, DocumentOf
from projections.capacity_files.paths import capacity_text, default_path, real_file, resolve_path
from projections.capacity_files.records import (
    Finding,
    Key,
    NotWritten,
    Outcome,
    Status,
    capacity_files,
)
from projections.capacity_files.writer import CapacityFileWriter

__all__ = [
    "CapacityFileFailed",
    "CapacityFileWriter",
    "CapacityFiles",
    "DocumentOf",
    "Finding",
    "Key",
    "NotWritten",
    "Outcome",
    "Status",
    "capacity_files",
    "capacity_text",
    "default_path",
    "locked",
    "real_file",
    "replace_file",
    "resolve_path",
]
