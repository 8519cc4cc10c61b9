"""What every event of the supplier context does to which row."""

import json
import zlib
from sys import intern
from typing import Any

import msgspec

from domain.aggregate import Event
from domain.suppliers import Booking, Offers, Scenario, SupplierAliases, SupplierCapacity
from projections.moments import recorded_at_us
from projections.supplier_capacity.tables import (
    AliasesRow,
    CapacityRow,
    MatchRow,
    PublicationRow,
    ScenarioRow,
    capacities,
    matches_table,
    offers_publications,
    scenarios_table,
    supplier_aliases,
    supplier_capacity,
)

__all__ = ["supplier_capacity"]  # with its rules registered


@supplier_capacity.rule(
    offers_publications, Offers.Published, key=lambda event: (event.line, event.publication)
)
def _published(_: PublicationRow | None, event: Offers.Published, position: int) -> PublicationRow:
    # Counted without the checks of today, which an older document need not pass.
    document = json.loads(zlib.decompress(event.document_deflated))
    return PublicationRow(
        line=event.line,
        publication=event.publication,
        digest=event.digest,
        document_deflated=event.document_deflated,
        supplier_count=len(document["SupplierOffers"]),
        published_at_us=recorded_at_us(event),
        actor=event.provenance.actor,
        reason=event.provenance.reason,
        position=position,
    )


@supplier_capacity.rule(supplier_aliases, SupplierAliases.Set)
def _aliases_set(_: AliasesRow | None, event: SupplierAliases.Set, position: int) -> AliasesRow:
    return AliasesRow(
        aliases_id=event.originator_id.bytes,
        line=event.line,
        supplier_by_alias=_json_text(dict(event.supplier_by_alias)),
        set_at_us=recorded_at_us(event),
        actor=event.provenance.actor,
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(scenarios_table, Scenario.Opened)
def _scenario_opened(_: ScenarioRow | None, event: Scenario.Opened, position: int) -> ScenarioRow:
    return _scenario(event, position)


@supplier_capacity.rule(scenarios_table, Scenario.FileImported)
def _file_imported(
    row: ScenarioRow | None, event: Scenario.FileImported, position: int
) -> ScenarioRow:
    imported = _scenario(event, position)
    imported.reset_number, imported.pattern_deflated = event.reset_number, event.pattern_deflated
    if row is not None:  # it was opened before, by somebody
        imported.opened_at_us, imported.actor = row.opened_at_us, row.actor
    return imported


def _scenario(event: Scenario.Opened | Scenario.FileImported, position: int) -> ScenarioRow:
    return ScenarioRow(
        scenario_id=event.originator_id.bytes,
        line=event.line,
        scenario=event.scenario,
        publication=event.publication,
        reset_number=0,
        capacity_file=event.capacity_file,
        terms=_json_text(event.terms),
        pattern_deflated=b"",
        opened_at_us=recorded_at_us(event),
        actor=event.provenance.actor,
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(scenarios_table, Scenario.Resynced)
def _scenario_resynced(row: ScenarioRow, event: Scenario.Resynced, position: int) -> ScenarioRow:
    row.publication = event.publication
    row.terms = _json_text(event.terms)
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(scenarios_table, Scenario.Reset)
def _scenario_reset(row: ScenarioRow, event: Scenario.Reset, position: int) -> ScenarioRow:
    row.reset_number = event.reset_number
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(capacities, SupplierCapacity.Opened)
def _capacity_opened(
    _: CapacityRow | None, event: SupplierCapacity.Opened, position: int
) -> CapacityRow:
    return _capacity(event, position, used_slots=0, as_imported=0)


@supplier_capacity.rule(capacities, SupplierCapacity.UsageImported)
def _usage_imported(
    _: CapacityRow | None, event: SupplierCapacity.UsageImported, position: int
) -> CapacityRow:
    return _capacity(event, position, used_slots=event.used_slots, as_imported=1)


def _capacity(
    event: SupplierCapacity.Opened | SupplierCapacity.UsageImported,
    position: int,
    *,
    used_slots: int,
    as_imported: int,
) -> CapacityRow:
    return CapacityRow(
        capacity_id=event.originator_id.bytes,
        line=event.line,
        scenario=event.scenario,
        supplier=event.supplier,
        capacity_slots=event.capacity_slots,
        used_slots=used_slots,
        as_imported=as_imported,
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(capacities, SupplierCapacity.CapacityChanged)
def _capacity_changed(
    row: CapacityRow, event: SupplierCapacity.CapacityChanged, position: int
) -> CapacityRow:
    row.capacity_slots = event.capacity_slots
    return _counted(row, event, position)


@supplier_capacity.rule(capacities, SupplierCapacity.SlotBooked)
def _slot_booked(
    row: CapacityRow, event: SupplierCapacity.SlotBooked, position: int
) -> CapacityRow:
    row.used_slots += 1
    return _counted(row, event, position)


@supplier_capacity.rule(capacities, SupplierCapacity.SlotReleased)
def _slot_released(
    row: CapacityRow, event: SupplierCapacity.SlotReleased, position: int
) -> CapacityRow:
    row.used_slots -= 1
    return _counted(row, event, position)


@supplier_capacity.rule(capacities, SupplierCapacity.Cleared)
def _capacity_cleared(
    row: CapacityRow, event: SupplierCapacity.Cleared, position: int
) -> CapacityRow:
    row.used_slots = 0
    return _counted(row, event, position)


@supplier_capacity.rule(capacities, SupplierCapacity.Withdrawn)
def _withdrawn(row: CapacityRow, event: SupplierCapacity.Withdrawn, position: int) -> CapacityRow:
    row.capacity_slots = row.used_slots = 0
    return _counted(row, event, position)


def _counted(row: CapacityRow, event: Event, position: int) -> CapacityRow:
    row.as_imported = 0
    row.version, row.position = event.originator_version, position
    return row


@supplier_capacity.rule(matches_table, Booking.Booked)
def _booked(_: MatchRow | None, event: Booking.Booked, position: int) -> MatchRow:
    details, provenance = event.details, event.provenance
    booked_at_us = recorded_at_us(event)
    # A rebuild holds these rows by the hundred thousand: what repeats is kept in memory once.
    return MatchRow(
        booking_id=event.originator_id.bytes,
        line=intern(event.line),
        scenario=intern(event.scenario),
        reset_number=event.reset_number,
        registration_id=event.registration_id,
        supplier=intern(event.supplier),
        asked_supplier=intern(event.asked_supplier),
        zip_code=intern(details.zip_code),
        product_type=intern(details.product_type),
        panel_name=intern(details.panel_name),
        payment_type=intern(details.payment_type),
        num_panels=details.num_panels,
        booked_at_us=booked_at_us,
        changed_at_us=booked_at_us,
        actor=intern(provenance.actor),
        reason=intern(provenance.reason),
        version=event.originator_version,
        position=position,
    )


@supplier_capacity.rule(matches_table, Booking.Released)
def _released(row: MatchRow, event: Booking.Released, position: int) -> MatchRow:
    row.supplier = row.asked_supplier = ""
    return _changed(row, event, position)


@supplier_capacity.rule(matches_table, Booking.Reassigned)
def _reassigned(row: MatchRow, event: Booking.Reassigned, position: int) -> MatchRow:
    row.supplier, row.asked_supplier = intern(event.supplier), intern(event.asked_supplier)
    return _changed(row, event, position)


def _changed(row: MatchRow, event: Event, position: int) -> MatchRow:
    row.changed_at_us = recorded_at_us(event)
    row.actor, row.reason = event.provenance.actor, event.provenance.reason
    row.version, row.position = event.originator_version, position
    return row


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
