"""Departments: where people belong; a tree without circles, each under a vertical or under none."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Refused
from domain.identity import identity_once


class DepartmentCircle(Refused):
    """A department would stand above itself."""

    code = "department-circle"
    field = "parent_id"

    def __init__(self, department_id: int, parent_id: int) -> None:
        self.department_id, self.parent_id = department_id, parent_id
        super().__init__(
            f"found {parent_id}, which stands below the department {department_id} itself; a "
            "parent that does not is needed"
        )


class DepartmentFacts(Struct, frozen=True, kw_only=True):
    """Everything that is said of a department."""

    department_id: int
    name: str
    vertical_id: int | None = None
    parent_id: int | None = None
    is_active: bool = True


class Department(Aggregate):
    department_id: int
    name: str
    vertical_id: int | None
    parent_id: int | None
    is_active: bool

    class Added(Event, topic="assignments.department_added"):
        """Added the department {department_id}, {name}."""

        department_id: int
        name: str
        vertical_id: int | None
        parent_id: int | None
        is_active: bool

    class Renamed(Event, topic="assignments.department_renamed"):
        """Renamed the department {department_id} to {name}."""

        department_id: int
        name: str

    class Placed(Event, topic="assignments.department_placed"):
        """Placed the department {department_id}: vertical {vertical_id}, parent {parent_id}."""

        department_id: int
        vertical_id: int | None
        parent_id: int | None

    class Closed(Event, topic="assignments.department_closed"):
        """Closed the department {department_id}."""

        department_id: int

    class Reopened(Event, topic="assignments.department_reopened"):
        """Reopened the department {department_id}."""

        department_id: int

    @staticmethod
    def identity(department_id: int) -> UUID:
        return identity_once("assignments.department", str(department_id))

    # Decisions.

    def declare(self, facts: DepartmentFacts, *, above: Iterable[int] = ()) -> None:
        """Be as these facts say; `above` are its parent and all that stand over that one.

        Quiet where it is so already. Raises DepartmentCircle.
        """
        if facts.parent_id is not None and facts.department_id in above:
            raise DepartmentCircle(facts.department_id, facts.parent_id)
        if not self.exists:
            self.record(self.Added(**asdict(facts)))
            return
        department_id = facts.department_id
        if facts.name != self.name:
            self.record(self.Renamed(department_id=department_id, name=facts.name))
        if (facts.vertical_id, facts.parent_id) != (self.vertical_id, self.parent_id):
            self.record(
                self.Placed(
                    department_id=department_id,
                    vertical_id=facts.vertical_id,
                    parent_id=facts.parent_id,
                )
            )
        if facts.is_active != self.is_active:
            self.record(
                (self.Reopened if facts.is_active else self.Closed)(department_id=department_id)
            )

    # Evolutions.

    @evolves(Added)
    def _added(self, event: Added) -> None:
        self.department_id = event.department_id
        self.name = event.name
        self.vertical_id = event.vertical_id
        self.parent_id = event.parent_id
        self.is_active = event.is_active

    @evolves(Renamed)
    def _renamed(self, event: Renamed) -> None:
        self.name = event.name

    @evolves(Placed)
    def _placed(self, event: Placed) -> None:
        self.vertical_id = event.vertical_id
        self.parent_id = event.parent_id

    @evolves(Closed)
    def _closed(self, event: Closed) -> None:
        self.is_active = False

    @evolves(Reopened)
    def _reopened(self, event: Reopened) -> None:
        self.is_active = True
