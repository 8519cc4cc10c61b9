"""Aliases: other spellings under which the suppliers of one business line may be asked for.

A line has none until someone sets them, and every use of one is recorded with its booking.
An alias stands for a supplier of the newest offers, and never in the place of one.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from domain.aggregate import Aggregate, Event, evolves
from domain.errors import Invalid
from domain.identity import identity
from domain.names import name_fault, shown

MAX_ALIASES = 1_000


class SupplierAliases(Aggregate):
    line: str = ""
    supplier_by_alias: tuple[tuple[str, str], ...] = ()

    class Set(Event, topic="suppliers.aliases_set"):
        """Set the aliases of {line}: {supplier_by_alias}."""

        line: str
        supplier_by_alias: tuple[tuple[str, str], ...]

    @staticmethod
    def identity(line: str) -> UUID:
        return identity("suppliers.aliases", line)

    # Decisions.

    def set(self, line: str, supplier_by_alias: dict[str, str]) -> bool:
        """Replace all aliases of the line; the same again is quiet. Return whether they changed.

        Raises Invalid naming every fault.
        """
        _check(supplier_by_alias)
        pairs = tuple(sorted(supplier_by_alias.items()))
        if pairs == self.supplier_by_alias:
            return False
        self.record(self.Set(line=line, supplier_by_alias=pairs))
        return True

    # Evolutions.

    @evolves(Set)
    def _set(self, event: Set) -> None:
        self.line = event.line
        self.supplier_by_alias = event.supplier_by_alias

    # Questions.

    def supplier(self, asked: str) -> str:
        """Return the supplier meant by `asked`: itself, unless it is an alias."""
        for alias, supplier in self.supplier_by_alias:
            if alias == asked:
                return supplier
        return asked


def _check(supplier_by_alias: dict[str, str]) -> None:
    faults = []
    if len(supplier_by_alias) > MAX_ALIASES:
        faults.append(("", f"found {len(supplier_by_alias)}, at most {MAX_ALIASES} are allowed"))
    for alias, supplier in supplier_by_alias.items():
        if fault := name_fault(alias) or name_fault(supplier):
            faults.append((f"/{alias[:40]}", fault))
        elif supplier in supplier_by_alias:
            faults.append((f"/{alias}", f"{shown(supplier)} is itself an alias"))
    if faults:
        raise Invalid(*faults[:100])


def check_suppliers(supplier_by_alias: Mapping[str, str], suppliers: Collection[str]) -> None:
    """Raise Invalid naming every alias that is a supplier, and every one that means none."""
    faults = []
    for alias, supplier in supplier_by_alias.items():
        if alias in suppliers:
            faults.append((f"/{alias}", f"{shown(alias)} is itself a supplier"))
        elif supplier not in suppliers:
            faults.append((f"/{alias}", f"{shown(supplier)} is no supplier of the newest offers"))
    if faults:
        raise Invalid(*faults[:100])
