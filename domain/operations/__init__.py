"""Operations: what people decided about the running of the ledger itself, and why."""

from domain.operations.parking import Parking

__all__ = ["Parking"]
