"""The three ways in which a request can fail for a reason that its sender must know."""

from typing import ClassVar


class DomainError(Exception):
    """A fact that stands in the way; its message is for the person who must act.

    `code` names the fact for machines, and stays the same for ever; `field` is the
    field at fault where there is one.
    """

    code: ClassVar[str] = "domain-error"
    field: str = ""


class NotFound(DomainError):
    """What was named does not exist."""

    code = "not-found"


class Conflict(DomainError):
    """The request contradicts what is already true."""

    code = "conflict"


class Refused(DomainError):
    """The request can never be granted as it stands."""

    code = "refused"


class Invalid(Refused):
    """Input with one or more faults, every one of them named."""

    code = "invalid-input"

    def __init__(self, *faults: tuple[str, str]) -> None:
        """Take pairs of a JSON pointer to the fault, and what was found and what is allowed."""
        self.faults = faults
        self.field = faults[0][0]
        super().__init__("; ".join(f"{pointer}: {detail}" for pointer, detail in faults))
