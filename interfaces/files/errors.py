"""What the drop-in functions raise: ValueErrors, as the original's callers expect, that say why.

Where the original let a TypeError, KeyError or JSONDecodeError through, these name the file, the
place in it, what was found there and what is allowed.
"""

from collections.abc import Sequence
from pathlib import Path

Fault = tuple[str, str]


class CapacityTrackerError(ValueError):
    """A call that cannot be granted; nothing was changed."""


class CapacityFileInvalid(CapacityTrackerError):
    """The capacity file is not one, or must not be written; it is left as it is."""

    def __init__(self, path: Path | str, faults: Sequence[Fault]) -> None:
        self.path, self.faults = path, tuple(faults)
        super().__init__(f"Capacity file {path}: {_listed(faults)}")


class CapacityFileEdited(CapacityTrackerError):
    """Somebody else changed the capacity file, and a setting says that such changes are refused."""

    def __init__(self, path: Path | str, what: str) -> None:
        self.path = path
        super().__init__(
            f"Capacity file {path}: it was {what} since it was written last, which "
            "CAPACITY_EDITED_FILES=refuse does not allow; put it back, or allow it by adopt"
        )


class OffersInvalid(CapacityTrackerError):
    """No capacity file can be made from these offers."""


class MatchInvalid(CapacityTrackerError):
    """The match does not say what a match must say."""


class NotCounted(CapacityTrackerError):
    """The match was understood, and is not counted: no such supplier, or no room."""


class CapacityNotKept(OSError):
    """The ledger or the capacity file cannot be read or written now; the call may be repeated."""


def _listed(faults: Sequence[Fault]) -> str:
    return "; ".join(f"{pointer}: {detail}" if pointer else detail for pointer, detail in faults)
