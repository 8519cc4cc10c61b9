"""The ledger: an event store with one numbering, and the rules for writing to it."""

from application.ledger.command import (
    Command,
    KeyReused,
    LedgerUnavailable,
    Outcome,
    Replayed,
    Reply,
    StillRunning,
)
from application.ledger.ledger import Ledger, Limits
from application.ledger.revisions import SchemaMissing, SchemaNewer
from application.ledger.store import EventStore
from application.ledger.unit_of_work import UnitOfWork

__all__ = [
    "Command",
    "EventStore",
    "KeyReused",
    "Ledger",
    "LedgerUnavailable",
    "Limits",
    "Outcome",
    "Replayed",
    "Reply",
    "SchemaMissing",
    "SchemaNewer",
    "StillRunning",
    "UnitOfWork",
]
