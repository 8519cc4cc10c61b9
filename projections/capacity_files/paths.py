"""Where a capacity file lies, and what its bytes are."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from domain.errors import Invalid
from domain.names import file_name_fault, shown
from domain.suppliers.capacity_files import printed
from domain.suppliers.file_claims import default_file, file_of

MAX_PATH_CHARACTERS = 1_000


def capacity_text(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a capacity file: indented, ASCII, without a newline at the end."""
    return printed(document).encode()


def default_path(data_dir: Path, line: str, scenario: str) -> Path:
    """Return where the capacity file of a scenario lies unless another path was asked for."""
    return data_dir / default_file(line, scenario)


def resolve_path(data_dir: Path, text: str) -> Path:
    """Return the real path that `text` names below the data folder. Raises Invalid."""
    if fault := _path_fault(data_dir, text):
        raise Invalid(("/capacity_file", fault))
    return (data_dir / text).resolve()


def real_file(data_dir: Path, line: str, scenario: str, capacity_file: str) -> str:
    """Return what a scenario's file is known by, whatever links lead to it now.

    A link that leads in a circle, out of the data folder, or to a name that cannot be stored, is
    no other name of a file of ours: it is left to whoever writes the files.
    """
    named = file_of(line, scenario, capacity_file)
    try:
        real, folder = (data_dir / named).resolve(), data_dir.resolve()
    except (OSError, RuntimeError):  # links that lead in a circle
        return named
    known = real.relative_to(folder).as_posix() if real.is_relative_to(folder) else named
    return known if known.isprintable() else named


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
