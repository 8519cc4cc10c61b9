"""An explained row: exactly the events that touched it, and replayed alone they make it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from sqlalchemy import Connection, Engine, Table

from domain.errors import Invalid
from domain.stored import encode, stored_topic
from domain.suppliers import SupplierCapacity
from projections.explaining import Explained, explain
from projections.folding import Fold, Rulebook
from projections.log import LogRow
from projections.projection import Projection, Row
from projections.row_places import (
    NoSuchProjection,
    NoSuchRow,
    NoSuchTable,
    Place,
    find_projection,
    read_place,
)
from tests.projections.conftest import LINE, PROJECTIONS, SCENARIO, BareLedger, Life
from tests.projections.test_projector import FEW, start_over, started_anew, wishes

ALL = 10_000


def every_row(connection: Connection) -> Iterator[tuple[Projection, Table, Any]]:
    for projection in PROJECTIONS:
        for table in projection.rows:
            for row in connection.execute(table.select()):
                yield projection, table, row


def place_of(projection: Projection, table: Table, row: Any) -> Place:
    key = tuple(getattr(row, column.name) for column in table.primary_key.columns)
    return Place(projection, table, key, {})


def replayed(place: Place, events: list[Explained]) -> Row | None:
    """Return the row that these events alone make."""
    rulebook = Rulebook([place.projection])
    fold = Fold(rulebook.tables)
    rows: list[LogRow] = [
        (
            position,
            event.originator_id.bytes,
            event.originator_version,
            stored_topic(type(event)),
            encode(event),
        )
        for position, event in reversed(events)
    ]
    fold.run(rulebook.steps(rows))
    assert place.key is not None
    return fold.rows[place.table][place.key[0] if len(place.key) == 1 else place.key]


def touched_by_hand(ledger: BareLedger, place: Place) -> list[int]:
    """Return what touches a row by asking every event of the log; the explained must be these."""
    rulebook = Rulebook([place.projection])
    found = []
    for position, originator_id, _, _, event, rules in rulebook.steps(
        ledger.log.page(0, ledger.log.head())
    ):
        for rule in rules:
            key = originator_id if rule.key is None else rule.key(event)
            folded = key if isinstance(key, tuple) else (key,)
            if rule.table is place.table and folded == place.key:
                found.append(position)
    return found[::-1]


@FEW
@given(wanted=wishes)
def test_the_explained_events_alone_make_the_row(
    ledger: BareLedger, wanted: list[tuple[str, str, str]]
) -> None:
    started_anew(ledger, wanted)
    engine = ledger.engine()
    start_over(engine)
    ledger.projector(engine).catch_up()
    with engine.connect() as connection:
        for projection, table, row in every_row(connection):
            place = place_of(projection, table, row)
            found = explain(connection, ledger.log, place, limit=ALL)
            assert [each.position for each in found.events] == touched_by_hand(ledger, place)
            row_class = projection.rows[table]
            assert replayed(place, found.events) == row_class(*row)
    engine.dispose()


def caught_up(ledger: BareLedger) -> Engine:
    engine = ledger.engine()
    ledger.projector(engine).catch_up()
    return engine


def acme(ledger: BareLedger, life: Life) -> tuple[Engine, Place]:
    """Return ACME's count after three bookings, and where it stands."""
    ledger.append(life.open())
    for each in range(3):
        ledger.append(life.book(f"R-{each}", "ACME"))
    capacity_id = SupplierCapacity.identity(LINE, SCENARIO, "ACME")
    place = read_place(PROJECTIONS[0], ["supplier_capacity", str(capacity_id)])
    return caught_up(ledger), place


def test_a_missing_event_is_a_missing_slot(ledger: BareLedger, life: Life) -> None:
    """The negative control: without one of its events a row is another."""
    engine, place = acme(ledger, life)
    with engine.connect() as connection:
        events = explain(connection, ledger.log, place, limit=ALL).events
    whole: Any = replayed(place, events)
    less: Any = replayed(place, events[1:])
    assert (whole.used_slots, less.used_slots) == (3, 2)


def test_events_come_newest_first_and_page_by_page(ledger: BareLedger, life: Life) -> None:
    engine, place = acme(ledger, life)
    with engine.connect() as connection:
        whole = explain(connection, ledger.log, place, limit=ALL)
        pages, before, more = [], None, True
        while more:
            page = explain(connection, ledger.log, place, limit=1, before=before)
            pages += page.events
            before, more = page.events[-1].position, page.more
    assert [each.event.topic for each in whole.events] == [
        *["suppliers.slot_booked"] * 3,
        "suppliers.capacity_opened",
    ]
    assert pages == whole.events
    assert whole.row is not None
    assert (whole.row["used_slots"], whole.row["supplier"]) == (3, "ACME")


def test_a_row_is_found_by_columns_that_only_it_has(ledger: BareLedger, life: Life) -> None:
    engine, place = acme(ledger, life)
    columns = [f"line={LINE}", f"scenario={SCENARIO}", "supplier=ACME"]
    with engine.connect() as connection:
        by_key = explain(connection, ledger.log, place, limit=ALL)
        named = read_place(PROJECTIONS[0], ["supplier_capacity", *columns])
        assert explain(connection, ledger.log, named, limit=ALL).events == by_key.events
        several = read_place(PROJECTIONS[0], ["supplier_capacity", *columns[:2]])
        with pytest.raises(Invalid, match="several rows of supplier_capacity have line sbus"):
            explain(connection, ledger.log, several, limit=ALL)
        none = read_place(PROJECTIONS[0], ["supplier_capacity", "supplier=NONE"])
        with pytest.raises(NoSuchRow, match="supplier_capacity has no row with supplier NONE"):
            explain(connection, ledger.log, none, limit=ALL)


def test_what_is_not_shown_yet_explains_nothing(ledger: BareLedger, life: Life) -> None:
    engine, place = acme(ledger, life)
    ledger.append(life.book("R-9", "ACME"))
    with engine.connect() as connection:
        found = explain(connection, ledger.log, place, limit=ALL)
    assert len(found.events) == 4


def test_rows_under_a_key_of_their_own_are_explained(ledger: BareLedger, life: Life) -> None:
    first = ledger.append(life.publish())
    ledger.append(life.publish(suppliers=("ACME",)))
    ledger.append(life.publish(line="wind"))
    engine = caught_up(ledger)
    place = read_place(PROJECTIONS[0], ["offers_publications", LINE, "1"])
    with engine.connect() as connection:
        found = explain(connection, ledger.log, place, limit=ALL)
    assert [each.position for each in found.events] == [first]
    assert found.row is not None
    assert "bytes, sha256 " in found.row["document_deflated"]


@pytest.mark.parametrize(
    ("segments", "error", "said"),
    [
        ([], NoSuchTable, "has no table ''; there are: offers_publications, "),
        (["nothing", "1"], NoSuchTable, "supplier_capacity has no table 'nothing'"),
        (["matches"], Invalid, "found 0 values after matches, its key is needed .booking_id."),
        (["matches", "1"], Invalid, "found '1', a UUID is needed for booking_id"),
        (["matches", "a", "b"], Invalid, "found 2 values after matches"),
        (["offers_publications", "sbus", "x"], Invalid, "a whole number is needed for publication"),
        (["offers_publications", "a", str(2**63)], Invalid, "a whole number is needed"),
        (["offers_publications", "a", "9" * 90], Invalid, "a whole number is needed"),
        (["matches", "booking_id=x"], Invalid, "found 'x', a UUID is needed"),
    ],
)
def test_what_cannot_be_a_row_is_refused(
    segments: list[str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        read_place(PROJECTIONS[0], segments)


def test_a_row_that_never_was_is_named(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    engine = caught_up(ledger)
    place = read_place(PROJECTIONS[0], ["matches", str(UUID(int=5))])
    with engine.connect() as connection, pytest.raises(NoSuchRow, match=str(UUID(int=5))):
        explain(connection, ledger.log, place, limit=ALL)


def test_an_unknown_projection_is_named() -> None:
    with pytest.raises(NoSuchProjection, match="'x'; there are: supplier_capacity"):
        find_projection(PROJECTIONS, "x")
