"""The switch as readers see it: old rows or new ones, never some of both, and never an error."""

import threading
import time

import pytest
from sqlalchemy import Connection, Engine, func, select, text, update

from projections import switching
from projections.closing import Wish
from projections.database import projection_positions
from projections.rebuilding import rebuild_here, switch_to
from projections.supplier_capacity import capacities, matches_table
from projections.switching import ReadersInTheWay
from projections.workers import Sources
from tests.projections.conftest import PROJECTIONS, SUPPLIERS, BareLedger, BarePostgres, Life

NAME = "supplier_capacity"
SWITCHES = 6
TIMEOUT_SECONDS = 30.0


def booked(ledger: BareLedger, life: Life, many: int, begin: int = 0) -> int:
    return [
        ledger.append(life.book(f"R-{number}", SUPPLIERS[number % 3]))
        for number in range(begin, begin + many)
    ][-1]


@pytest.fixture
def engine(ledger: BareLedger, life: Life) -> Engine:
    """Read models that show nine bookings."""
    ledger.append(life.open())
    booked(ledger, life, 9)
    engine = ledger.engine()
    ledger.projector(engine).catch_up()
    return engine


def sources(ledger: BareLedger, engine: Engine) -> Sources:
    return Sources(ledger.log, engine, PROJECTIONS)


def seen(reader: Connection) -> tuple[int, int, int]:
    """Return the position, the used slots and the matches that a transaction sees."""
    position = reader.scalars(select(projection_positions.c.position)).one()
    used = reader.scalars(select(func.sum(capacities.c.used_slots))).one()
    matches = reader.scalars(select(func.count()).select_from(matches_table)).one()
    return position, int(used), matches


def agrees(found: tuple[int, int, int]) -> bool:
    """Each booking is a slot, a match and two positions behind the four of the opening."""
    position, used, matches = found
    return used == matches and position == 4 + 2 * matches


def test_readers_agree_with_themselves_while_versions_change_places(
    ledger: BareLedger, engine: Engine, life: Life
) -> None:
    """Two readers at it all the time, with prepared statements, while all is switched and grows."""
    found: list[tuple[int, int, int]] = []
    failures: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        reader = ledger.engine(read_only=True)
        while not done.is_set():
            try:
                with reader.connect() as connection, connection.begin():
                    found.append(seen(connection))
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    projector = ledger.projector(engine)
    for number in range(SWITCHES):
        booked(ledger, life, 1, begin=9 + number)
        if number % 3:
            projector.catch_up()
        if number % 2:
            switch_to(sources(ledger, engine), [NAME], "before")
        else:
            rebuild_here(ledger.log, engine, PROJECTIONS)
        projector.catch_up()
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert found
    assert [each for each in found if not agrees(each)] == []


def test_a_transaction_that_read_before_the_switch_goes_on_reading_the_old_rows(
    ledger: BareLedger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the switch waits for it, and no longer than it is told to."""
    monkeypatch.setattr(switching, "GIVE_UP_SECONDS", 0.2)
    with engine.begin() as connection:
        connection.execute(update(capacities).values(used_slots=0))
    with ledger.engine(read_only=True).connect() as earlier:
        assert seen(earlier)[1] == 0
        if engine.dialect.name == "postgresql":
            with pytest.raises(ReadersInTheWay, match="the new version is kept"):
                rebuild_here(ledger.log, engine, PROJECTIONS)
        else:
            rebuild_here(ledger.log, engine, PROJECTIONS)
        assert seen(earlier)[1] == 0
    if engine.dialect.name == "postgresql":
        switch_to(sources(ledger, engine), [NAME], "next")
    with ledger.engine(read_only=True).connect() as later:
        assert seen(later)[1] == 9


@pytest.mark.parametrize("guarded", [True, False])
def test_a_transaction_older_than_the_new_rows_never_finds_the_new_tables_without_them(
    postgres_ledger: BarePostgres, life: Life, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """It has a moment, but no lock on any table yet. Unless it is waited for, it sees no rows."""
    ledger = postgres_ledger
    ledger.append(life.open())
    booked(ledger, life, 9)
    engine = ledger.engine()
    ledger.projector(engine).catch_up()
    if not guarded:
        monkeypatch.setattr(switching, "_wait_for_earlier_transactions", lambda engine: None)
    with ledger.engine(read_only=True).connect() as earlier:
        earlier.execute(text("SELECT count(*) FROM append_groups")).one()  # its moment is fixed
        switched = threading.Event()
        thread = threading.Thread(target=_switch, args=(ledger, engine, switched))
        thread.start()
        assert switched.wait(0.2 if guarded else TIMEOUT_SECONDS) is not guarded
        position, used, matches = seen_or_nothing(earlier)
    thread.join()  # it goes on when the transaction has ended
    assert switched.is_set()
    assert (used, matches) == ((9, 9) if guarded else (0, 0))
    assert position == 22


def _switch(ledger: BareLedger, engine: Engine, switched: threading.Event) -> None:
    rebuild_here(ledger.log, engine, PROJECTIONS)
    switched.set()


def seen_or_nothing(reader: Connection) -> tuple[int, int, int]:
    position = reader.scalars(select(projection_positions.c.position)).one()
    used = reader.scalars(select(func.coalesce(func.sum(capacities.c.used_slots), 0))).one()
    matches = reader.scalars(select(func.count()).select_from(matches_table)).one()
    return position, int(used), matches


def test_readers_never_wait_long_for_a_switch_that_cannot_be_had(
    postgres_ledger: BarePostgres, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reads and reads; those who come later are let pass, again and again."""
    ledger = postgres_ledger
    ledger.append(life.open())
    booked(ledger, life, 9)
    engine = ledger.engine()
    ledger.projector(engine).catch_up()
    # The one that is in the way is not waited for as an earlier one: it comes in between.
    monkeypatch.setattr(switching, "_wait_for_earlier_transactions", lambda engine: None)
    rebuild_here(ledger.log, engine, PROJECTIONS, wish=Wish(switch=False))
    held_up: list[float] = []
    with ledger.engine(read_only=True).connect() as endless:
        seen(endless)
        monkeypatch.setattr(switching, "GIVE_UP_SECONDS", 1.0)
        switching_thread = threading.Thread(target=_refused, args=(ledger, engine))
        switching_thread.start()
        with ledger.engine(read_only=True).connect() as reader:
            while switching_thread.is_alive():
                begun = time.monotonic()
                assert agrees(seen(reader))
                reader.rollback()
                held_up.append(time.monotonic() - begun)
    switching_thread.join()
    assert len(held_up) > 5  # it was never shut out for the whole second
    assert switch_to(sources(ledger, engine), [NAME], "next").switched


def _refused(ledger: BareLedger, engine: Engine) -> None:
    with pytest.raises(ReadersInTheWay):
        switch_to(sources(ledger, engine), [NAME], "next")
