"""The use cases of the assignments context, and the keys under which names of people stand."""

from application.assignments.names import KEY_BYTES, PersonNames
from application.assignments.person_keys import PersonKeys
from application.assignments.results import (
    Ended,
    Forgotten,
    HoursChange,
    HoursChanged,
    KindCount,
    PlanningImported,
    Written,
)
from application.assignments.use_cases import Planning

__all__ = [
    "KEY_BYTES",
    "Ended",
    "Forgotten",
    "HoursChange",
    "HoursChanged",
    "KindCount",
    "PersonKeys",
    "PersonNames",
    "Planning",
    "PlanningImported",
    "Written",
]
