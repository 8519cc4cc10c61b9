"""What a key that belongs to a person is told beside reports: that something was planned, not what.

Events of planning do not say to which vertical they belong, and rows made of them hold all. So who
sees one vertical alone is shown plans by the reports, which know verticals, and by nothing else.
"""

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.catalogue import EVENTS_BY_TOPIC
from domain.stored import stored_topics
from interfaces.callers import Caller
from interfaces.http.errors import RequestRefused
from projections.projection import Projection

OF_VERTICALS = frozenset({"assignments"})  # contexts


def is_confined(caller: Caller) -> bool:
    """Return whether a caller sees one vertical alone."""
    return bool(caller.person_id) and "staff" not in caller.scopes


def is_of_verticals(topic: str) -> bool:
    """Return whether a stored topic belongs to a context that knows verticals."""
    return topic.partition(".")[0] in OF_VERTICALS


def may_be_told(caller: Caller, aggregate_class: type[Aggregate]) -> bool:
    """Return whether a caller may be told what happened to such an aggregate."""
    topics = [each.topic for each in aggregate_class.evolutions]
    return not (is_confined(caller) and any(map(is_of_verticals, topics)))


def check_context(caller: Caller, context: str) -> None:
    """Raise RequestRefused if a caller may not read the events of a context."""
    if context in OF_VERTICALS and is_confined(caller):
        raise _refused(f"events of {context}")


def check_projections(caller: Caller, projections: Sequence[Projection]) -> None:
    """Raise RequestRefused if a caller may not read the rows of all these as they are."""
    for projection in projections:
        planned = any(is_of_verticals(each.topic) for each in projection.subscribes)
        if planned and is_confined(caller):
            raise _refused(f"rows of {projection.name}")


def told_topics(caller: Caller, asked: Sequence[str] | None) -> Sequence[str] | None:
    """Return the stored topics of a feed that a caller is told; None for all."""
    if not is_confined(caller):
        return asked
    if asked is not None:
        return [each for each in asked if not is_of_verticals(each)]
    return [
        stored
        for topic, event_class in EVENTS_BY_TOPIC.items()
        if not is_of_verticals(topic)
        for stored in stored_topics(event_class)
    ]


def _refused(what: str) -> RequestRefused:
    return RequestRefused(
        403,
        "vertical-only",
        f"This key belongs to a person, who sees one vertical alone; {what} are of all. Ask the "
        "reports (/v1/reports), or with a key of the scope staff",
    )
