"""Suppliers: who holds how many registrations in which scenario, and never more than agreed."""

from domain.suppliers.aliases import SupplierAliases
from domain.suppliers.bookings import BookedElsewhere, Booking, BookingNotFound, MatchDetails
from domain.suppliers.capacity import CapacityExceeded, SupplierCapacity, SupplierNotFound
from domain.suppliers.file_claims import CapacityFileTaken, FileClaim
from domain.suppliers.offers import LineNotFound, Offers, PublicationNotFound, SupplierTerms
from domain.suppliers.scenarios import OpenedElsewhere, Scenario, ScenarioNotFound

__all__ = [
    "BookedElsewhere",
    "Booking",
    "BookingNotFound",
    "CapacityExceeded",
    "CapacityFileTaken",
    "FileClaim",
    "LineNotFound",
    "MatchDetails",
    "Offers",
    "OpenedElsewhere",
    "PublicationNotFound",
    "Scenario",
    "ScenarioNotFound",
    "SupplierAliases",
    "SupplierCapacity",
    "SupplierNotFound",
    "SupplierTerms",
]
