"""Everything that may stand in the ledger: the only way from a stored topic to a class."""

from domain.access import ApiKey
from domain.aggregate import Aggregate, Event
from domain.assignments import (
    Assignment,
    Department,
    Person,
    Project,
    ProjectRole,
    Role,
    RoleMapping,
    Vertical,
)
from domain.operations import Parking
from domain.suppliers import (
    Booking,
    FileClaim,
    Offers,
    Scenario,
    SupplierAliases,
    SupplierCapacity,
)

AGGREGATES: tuple[type[Aggregate], ...] = (
    Offers,
    SupplierAliases,
    Scenario,
    FileClaim,
    SupplierCapacity,
    Booking,
    ApiKey,
    Parking,
    Vertical,
    Department,
    Role,
    Person,
    Project,
    ProjectRole,
    RoleMapping,
    Assignment,
)


class UnknownTopic(LookupError):
    """A stored event has a topic that no class claims; the data never chooses what is loaded."""

    def __init__(self, topic: str, where: str) -> None:
        self.topic, self.where = topic, where
        super().__init__(f"No event class claims the stored topic {topic!r} ({where})")


EVENTS_BY_TOPIC: dict[str, type[Event]] = {}


def claim(aggregate_class: type[Aggregate]) -> None:
    """Let an aggregate's events be stored and loaded; a program's own contexts call it too."""
    for event_class in aggregate_class.evolutions:
        if not event_class.topic or event_class.topic in EVENTS_BY_TOPIC:
            raise TypeError(f"{event_class.__qualname__} needs a topic of its own")
        EVENTS_BY_TOPIC[event_class.topic] = event_class


for _each in AGGREGATES:
    claim(_each)
