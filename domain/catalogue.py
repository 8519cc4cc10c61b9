"""Everything that may stand in the ledger: the only way from a stored topic to a class."""

from domain.aggregate import Aggregate, Event
from domain.suppliers import Booking, Offers, Scenario, SupplierAliases, SupplierCapacity

AGGREGATES: tuple[type[Aggregate], ...] = (
    Offers,
    SupplierAliases,
    Scenario,
    SupplierCapacity,
    Booking,
)


class UnknownTopic(LookupError):
    """A stored event has a topic that no class claims; the data never chooses what is loaded."""

    def __init__(self, topic: str, where: str) -> None:
        self.topic, self.where = topic, where
        super().__init__(f"No event class claims the stored topic {topic!r} ({where})")


def _events_by_topic() -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    for aggregate_class in AGGREGATES:
        for event_class in aggregate_class.evolutions:
            if not event_class.topic or event_class.topic in found:
                raise TypeError(f"{event_class.__qualname__} needs a topic of its own")
            found[event_class.topic] = event_class
    return found


EVENTS_BY_TOPIC: dict[str, type[Event]] = _events_by_topic()
