"""What the use cases of the assignments context take and answer; never anybody's name."""

from typing import Literal

from msgspec import Struct

from domain.assignments.hours import LenientCell
from domain.errors import DomainError

Status = Literal["ok", "noop", "missing", "invalid"]


class Written(Struct, frozen=True):
    """Something stands as it was said; `new` and `changed` tell what the command did to it."""

    kind: str
    number: int
    new: bool
    changed: bool
    version: int


class Mapped(Struct, frozen=True):
    """A mapping stands as it was said; `template_id` is None where projects have no template."""

    template_id: int | None
    project_role_id: int
    role_ids: tuple[int, ...]
    new: bool
    changed: bool
    version: int


class HoursChange(Struct, frozen=True):
    """Hours of one assignment, by week: of these weeks alone, or of all if it `replaces`."""

    assignment_id: int
    units_by_week: dict[str, int]
    replaces: bool = False


class HoursChanged(Struct, frozen=True):
    """What became of one change; `weeks` is how many weeks of the assignment have hours now."""

    assignment_id: int
    status: Status
    weeks: int = 0
    version: int = 0
    error: DomainError | None = None


class Ended(Struct, frozen=True):
    """The assignment counts no more; `changed` is false if it did not before."""

    assignment_id: int
    changed: bool
    version: int


class Forgotten(Struct, frozen=True):
    """The name cannot be read any more; `changed` is false if it could not before."""

    person_id: int
    changed: bool
    version: int


class KindCount(Struct, frozen=True):
    """How many records of one list were new, said something else, or said what was known."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


class PlanningImported(Struct, frozen=True):
    """What an import did, by list of the document, and what of it was read leniently."""

    counts: dict[str, KindCount]
    events: int
    week_cells: int
    lenient_cells: tuple[LenientCell, ...]

    @property
    def changed(self) -> bool:
        """Whether anything was not so already."""
        return self.events > 0
