"""Versions: what a caller saw before it asked, and whether that is what stands now.

Whoever names what it saw wants its command decided on exactly that. On anything newer it would
be a decision that nobody took.
"""

from msgspec import Struct

from domain.aggregate import Aggregate
from domain.errors import Conflict


class OtherVersion(Conflict):
    """What the caller saw is not what stands now."""

    code = "precondition-failed"

    def __init__(
        self, subject: str, *, aggregate: Aggregate, expected: "Seen", found: "Seen"
    ) -> None:
        self.subject = subject
        self.aggregate_class, self.aggregate_id = type(aggregate), aggregate.id
        self.expected, self.found = expected, found
        super().__init__(f"{subject}: {expected} was expected, {found} was found; look again")

    @property
    def missed_after(self) -> int:
        """The version after which everything that happened is new to the caller."""
        if self.expected.reset_number != self.found.reset_number:
            return 0
        return self.expected.version or 0


class Seen(Struct, frozen=True):
    """A version of one aggregate as a caller saw it; None if all it knows is that there is one.

    What begins anew with each count of a scenario was seen in one of them: its versions begin
    at 1 again, and the same number means something else.
    """

    version: int | None
    reset_number: int = 0

    def check(self, aggregate: Aggregate, *, subject: str, reset_number: int = 0) -> None:
        """Raise OtherVersion unless the aggregate stands now as it was seen."""
        found = Seen(aggregate.version, reset_number)
        if not (aggregate.exists if self.version is None else self == found):
            raise OtherVersion(subject, aggregate=aggregate, expected=self, found=found)

    def __str__(self) -> str:
        """Return it as a message names it."""
        if self.version is None:
            return "any version"
        count = f" of count {self.reset_number}" if self.reset_number else ""
        return f"version {self.version}{count}"


def changed_fields(before: Aggregate, after: Aggregate) -> frozenset[str]:
    """Return the names of the declared state that differs between two moments of an aggregate."""
    return frozenset(
        name
        for name in type(after).__annotations__
        # What was not born yet need not have every field.
        if getattr(before, name, None) != getattr(after, name, None)
    )
