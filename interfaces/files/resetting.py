"""Resetting capacity files as the original's script does: one after the other, each with a line.

Where the ledger of this command line writes the file itself, its scenario is reset; any other file
is reset as the drop-in function does it.
"""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from domain.errors import Invalid
from domain.suppliers.offers import parse_json
from interfaces.files.adoption import read_writable
from interfaces.files.capacity_tracker import reset_capacity
from interfaces.files.errors import CapacityTrackerError


class ResetFile(NamedTuple):
    """What became of one file; a `failed` one ends the run."""

    path: Path
    status: Literal["reset", "invalid", "failed"]
    detail: str = ""


def json_files(folder: Path) -> list[Path]:
    """Return the files directly in a folder whose names end in .json, by name."""
    return sorted(each for each in folder.glob("*.json") if each.is_file())


async def reset_files(
    paths: Iterable[Path], reset_here: Callable[[Path], Awaitable[bool]]
) -> list[ResetFile]:
    """Reset file after file, up to one that is missing or cannot be read.

    `reset_here` resets a file that belongs to the ledger at hand, and answers whether it did.
    """
    done: list[ResetFile] = []
    for path in paths:
        try:
            found = _kind(path)
            if found == "reset" and not await reset_here(path):
                await reset_capacity(path)
        except (CapacityTrackerError, OSError) as error:
            return [*done, ResetFile(path, "failed", str(error))]
        done.append(ResetFile(path, found))
    return done


def _kind(path: Path) -> Literal["reset", "invalid"]:
    """Say whether a file holds an object. Raises CapacityTrackerError if it is missing or torn."""
    if not path.exists():
        raise CapacityTrackerError(f"Capacity file not found: {path}")
    try:
        found = parse_json(read_writable(path))
    except Invalid:
        return "reset"  # where it is said what is wrong
    return "reset" if isinstance(found, dict) else "invalid"
