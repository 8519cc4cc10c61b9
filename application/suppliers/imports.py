"""Decisions that serve capacity files: take over what one says, and count the way it counts."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from application.ledger import UnitOfWork
from application.suppliers import claims, steps
from application.suppliers.results import Imported, Match
from domain.suppliers import Scenario, SupplierCapacity
from domain.suppliers.capacity_files import ImportedFile, capacity_document, printed
from domain.suppliers.file_claims import file_of


def import_file(
    line: str,
    scenario: str,
    imported: ImportedFile,
    capacity_file: str,
    *,
    real_file: str,
    afresh: bool,
) -> Callable[[UnitOfWork], Imported]:
    """Return the decision that makes the ledger say what a capacity file says."""
    said: dict[str, Any] = json.loads(imported.text)
    file = real_file or file_of(line, scenario, capacity_file)

    def decide(work: UnitOfWork) -> Imported:
        state = work.get(Scenario, Scenario.identity(line, scenario))
        if state.exists:
            state.check_capacity_file(capacity_file)
            claims.claim_file_if_free(work, state, file)
        named, dropped = _capacities(work, line, scenario, imported, state)
        before = _document(state, [*named, *dropped])
        if state.exists and not afresh and printed(before) == imported.text:
            return _answer(state, changed=False, new_count=False)
        new_count = state.exists and (afresh or _lowers(named, dropped, imported))
        is_new = not state.exists
        state.import_file(line, scenario, capacity_file, imported, new_count=new_count)
        if is_new:
            claims.claim_file(work, state, file)
        for usage, capacity in zip(imported.usages, named, strict=True):
            if json.dumps(before.get(usage.supplier)) != json.dumps(said[usage.supplier]):
                capacity.import_usage(line, scenario, usage, imported.sha256)
        for capacity in dropped:
            capacity.withdraw(imported.sha256)
        return _answer(state, changed=True, new_count=new_count)

    return decide


def _capacities(
    work: UnitOfWork, line: str, scenario: str, imported: ImportedFile, state: Scenario
) -> tuple[list[SupplierCapacity], list[SupplierCapacity]]:
    """Return the counts of the suppliers in the file, and of those that it no longer names."""
    names = [each.supplier for each in imported.usages]
    known = [each.supplier for each in state.terms] if state.exists else []
    gone = [name for name in known if name not in set(names)]
    found = work.get_all(
        SupplierCapacity,
        [SupplierCapacity.identity(line, scenario, name) for name in (*names, *gone)],
    )
    return found[: len(names)], found[len(names) :]


def _document(state: Scenario, capacities: Sequence[SupplierCapacity]) -> dict[str, Any]:
    """Return the capacity document as the ledger has it now."""
    if not state.exists:
        return {}
    counts = {each.supplier: each.count for each in capacities if each.exists and each.listed}
    ordered = [counts[each.supplier] for each in state.terms if each.supplier in counts]
    return capacity_document(ordered, state.pattern_deflated)


def _lowers(
    named: Sequence[SupplierCapacity], dropped: Sequence[SupplierCapacity], imported: ImportedFile
) -> bool:
    """Whether the file holds less of anybody than was counted."""
    lowered = (
        capacity.exists and usage.used_slots < capacity.used_slots
        for usage, capacity in zip(imported.usages, named, strict=True)
    )
    return any(lowered) or any(each.used_slots > 0 for each in dropped)


def _answer(state: Scenario, *, changed: bool, new_count: bool) -> Imported:
    return Imported(
        line=state.line,
        scenario=state.scenario,
        changed=changed,
        new_count=new_count,
        reset_number=state.reset_number,
        suppliers=len(state.terms),
        version=state.version,
    )


def count(line: str, scenario: str, match: Match, slot_id: UUID) -> Callable[[UnitOfWork], None]:
    """Return the decision that takes a slot for a match, which may be of no known registration."""
    book = steps.book(line, scenario, match)

    def decide(work: UnitOfWork) -> None:
        if match.registration_id:
            book(work)
            return
        steps.open_scenario(work, line, scenario)
        supplier, _ = steps.meant(work, line, match.supplier)
        steps.supplier_capacity(work, line, scenario, supplier).book_slot(slot_id, "")

    return decide
