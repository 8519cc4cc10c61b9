"""The use cases of the supplier context."""

from application.suppliers.results import (
    AliasesSet,
    BookingState,
    Chosen,
    Imported,
    Match,
    Published,
    ScenarioState,
    SlotCount,
)
from application.suppliers.use_cases import Suppliers
from application.suppliers.workflows import Workflows

__all__ = [
    "AliasesSet",
    "BookingState",
    "Chosen",
    "Imported",
    "Match",
    "Published",
    "ScenarioState",
    "SlotCount",
    "Suppliers",
    "Workflows",
]
