"""The projector: however it runs, rows and position agree, and nothing is applied twice or lost."""

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, LargeBinary, MetaData, Table

from domain.aggregate import Event
from domain.suppliers import SupplierAliases
from projections.catalogue import PROJECTIONS as ALL_PROJECTIONS
from projections.database import create_tables
from projections.projection import MissingRule, Projection, Row, Touched, events_of
from projections.projector import AheadOfLog, Projector, UnknownProjection
from tests.projections.conftest import (
    PROJECTIONS,
    RECORDED_AT,
    SUPPLIERS,
    BareLedger,
    BarePostgres,
    Life,
    positions_of,
    rows_of,
)

TIMEOUT_SECONDS = 30.0
FEW = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])

wishes = st.lists(
    st.tuples(
        st.sampled_from(
            ["book", "book", "book", "release", "reassign", "reset", "lower", "import"]
        ),
        st.sampled_from(["R-1", "R-2", "R-3", "R-ü"]),
        st.sampled_from(SUPPLIERS),
    ),
    max_size=25,
)


def groups(wanted: list[tuple[str, str, str]]) -> list[list[Event]]:
    """Return the events of a scenario in which wishes come true where the rules allow it."""
    life = Life()
    made = [life.publish(), life.open(), life.set_aliases({"iSolar": "iSoalr"})]
    for wish, registration_id, supplier in wanted:
        if wish == "book" and not life.held(registration_id):
            made.append(life.book(registration_id, supplier))
        elif wish == "release" and life.held(registration_id):
            made.append(life.release(registration_id))
        elif wish == "reassign" and life.held(registration_id):
            made.append(life.reassign(registration_id, supplier))
        elif wish == "reset":
            made.append(life.reset())
        elif wish == "lower":
            made.append(life.change_capacity(supplier, 30))
        elif wish == "import":
            made.append(life.import_file(dict.fromkeys(SUPPLIERS, 2)))
    return [group for group in made if group]


def started_anew(ledger: BareLedger, wanted: list[tuple[str, str, str]]) -> int:
    ledger.erase()
    return [ledger.append(group) for group in groups(wanted)][-1]


@FEW
@given(wanted=wishes, page_events=st.integers(1, 7))
def test_one_page_equals_many(
    ledger: BareLedger, wanted: list[tuple[str, str, str]], page_events: int
) -> None:
    head = started_anew(ledger, wanted)
    engine = ledger.engine()
    start_over(engine)
    ledger.projector(engine).rebuild()
    rebuilt = rows_of(engine)
    for options in ({"page_events": 10_000}, {"page_events": page_events}):
        start_over(engine)
        assert ledger.projector(engine, **options).catch_up() == head
        assert rows_of(engine) == rebuilt
    engine.dispose()


@FEW
@given(wanted=wishes, budget_bytes=st.sampled_from([1, 1_000, 2_500]))
def test_a_rebuild_in_many_passes_equals_following(
    ledger: BareLedger, wanted: list[tuple[str, str, str]], budget_bytes: int
) -> None:
    started_anew(ledger, wanted)
    engine = ledger.engine()
    start_over(engine)
    projector = ledger.projector(engine)
    head = projector.catch_up()
    followed = rows_of(engine)
    seen: list[tuple[int, int]] = []
    projector.rebuild(
        ["supplier_capacity"],
        budget_bytes=budget_bytes,
        tell=lambda stage, done, total: seen.append((done, total)),
    )
    assert rows_of(engine) == followed
    assert positions_of(engine) == {"supplier_capacity": head}
    assert all(done <= total for done, total in seen)
    engine.dispose()


def start_over(engine: Engine) -> None:
    """Build the tables anew, as another version of the projection would."""
    for step in (1, -1):  # and back, as other tests run the version that there is
        for each in PROJECTIONS:
            each.version += step
        create_tables(engine, PROJECTIONS)


def test_a_position_already_passed_changes_nothing(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    ledger.append(life.book("R-1", "ACME"))
    engine = ledger.engine()
    late = ledger.projector(engine)
    late.positions()  # it still believes that nothing was applied
    ledger.projector(engine).catch_up()
    before = rows_of(engine)
    while late._step(1):
        pass
    assert rows_of(engine) == before


def test_two_projectors_on_the_same_tables_stay_right(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    for number in range(60):
        ledger.append(life.book(f"R-{number}", SUPPLIERS[number % 3]))
    engine = ledger.engine()
    both = [ledger.projector(ledger.engine(), live_page_events=3) for _ in range(2)]
    head = ledger.log.head()
    for projector in both:
        projector.start()
    assert asyncio.run(both[0].passed(head, timeout_seconds=TIMEOUT_SECONDS))
    assert asyncio.run(both[1].passed(head, timeout_seconds=TIMEOUT_SECONDS))
    for projector in both:
        projector.stop()
    assert [projector.failure for projector in both] == ["", ""]
    followed = rows_of(engine)
    both[0].rebuild()
    assert rows_of(engine) == followed


def test_a_rebuild_beside_a_follower_ends_right(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    engine = ledger.engine()
    follower, other = ledger.projector(engine), ledger.projector(ledger.engine())
    follower.start()
    for number in range(20):
        ledger.append(life.book(f"R-{number}", SUPPLIERS[number % 3]))
        if number % 5 == 0:
            other.rebuild()
    head = ledger.log.head()
    assert asyncio.run(follower.passed(head, timeout_seconds=TIMEOUT_SECONDS))
    follower.stop()
    followed = rows_of(engine)
    other.rebuild()
    assert rows_of(engine) == followed


def test_read_your_writes_while_following(ledger: BareLedger, life: Life) -> None:
    projector = ledger.projector()
    projector.start()
    first = ledger.append(life.open())
    assert asyncio.run(projector.passed(first, timeout_seconds=TIMEOUT_SECONDS))
    second = ledger.append(life.book("R-1", "ACME"))
    ledger.log.wake()
    assert asyncio.run(projector.passed(second, timeout_seconds=TIMEOUT_SECONDS))
    assert not asyncio.run(projector.passed(second + 1, timeout_seconds=0.01))
    assert projector.alive
    projector.stop()
    assert not projector.alive


def test_read_your_writes_when_another_process_projects(ledger: BareLedger, life: Life) -> None:
    position = ledger.append(life.open())
    here, elsewhere = ledger.projector(), ledger.projector()
    elsewhere.start()
    assert asyncio.run(here.passed(position, timeout_seconds=TIMEOUT_SECONDS))
    elsewhere.stop()


def test_a_lost_wake_up_does_not_stall(ledger: BareLedger, life: Life) -> None:
    """Nobody calls `wake`, and what notices by itself is given nothing to notice by."""

    class Deaf:
        def __getattr__(self, name: str) -> object:
            return getattr(ledger.log, name)

        def wait(self, after: int, timeout_seconds: float) -> None:
            waited.set()
            threading.Event().wait(min(timeout_seconds, 0.01))

    waited = threading.Event()
    deaf: Any = Deaf()  # it has the log's methods by delegation, which no type checker sees
    projector = Projector(deaf, ledger.engine(), PROJECTIONS)
    projector.start()
    assert waited.wait(TIMEOUT_SECONDS)
    position = ledger.append(life.open())
    assert asyncio.run(projector.passed(position, timeout_seconds=TIMEOUT_SECONDS))
    projector.stop()


def test_a_lost_ledger_is_found_again(ledger: BareLedger, life: Life) -> None:
    class Flaky:
        def __init__(self) -> None:
            self.failures = 2

        def __getattr__(self, name: str) -> object:
            return getattr(ledger.log, name)

        def page(self, after: int, up_to: int) -> object:
            if self.failures:
                self.failures -= 1
                raise ConnectionError("the ledger is away")
            return ledger.log.page(after, up_to)

    position = ledger.append(life.open())
    flaky: Any = Flaky()  # it has the log's methods by delegation, which no type checker sees
    projector = Projector(flaky, ledger.engine(), PROJECTIONS)
    projector.start()
    assert asyncio.run(projector.passed(position, timeout_seconds=TIMEOUT_SECONDS))
    projector.stop()
    assert projector.failure == ""


def test_listeners_hear_what_was_touched(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    projector = ledger.projector()
    projector.catch_up()
    heard: list[tuple[int, Touched]] = []
    projector.on_applied.append(lambda position, touched: 1 / 0)  # which must not matter
    projector.on_applied.append(lambda position, touched: heard.append((position, touched)))
    position = ledger.append(life.book("R-1", "ACME"))
    projector.catch_up()
    assert [each[0] for each in heard] == [position]
    assert {name: len(rows) for name, rows in heard[0][1].items()} == {
        "supplier_capacity": 1,
        "matches": 1,
    }


def test_an_event_without_a_rule_is_an_error_at_the_start(ledger: BareLedger) -> None:
    table = Table("nothing", MetaData(), Column("nothing_id", LargeBinary, primary_key=True))

    class NothingRow(Row):
        nothing_id: bytes

    incomplete = Projection(
        "incomplete", version=1, rows={table: NothingRow}, subscribes=events_of(SupplierAliases)
    )
    with pytest.raises(MissingRule, match=r"incomplete subscribes to suppliers\.aliases_set"):
        Projector(ledger.log, ledger.engine(), [incomplete])


def test_every_projection_has_its_rules() -> None:
    for projection in ALL_PROJECTIONS:
        projection.check()


def test_a_new_version_is_built_from_the_beginning(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    engine = ledger.engine()
    ledger.projector(engine).catch_up()
    rows = rows_of(engine)
    start_over(engine)
    assert positions_of(engine) == {"supplier_capacity": 0}
    ledger.projector(engine).catch_up()
    assert rows_of(engine) == rows


def test_a_ledger_older_than_the_read_models_is_not_served_in_silence(
    ledger: BareLedger, life: Life
) -> None:
    ledger.append(life.open())
    projector = ledger.projector()
    projector.catch_up()
    (current,) = projector.status(clock=lambda: RECORDED_AT)
    ledger.erase()
    for look in (projector.catch_up, lambda: projector._step(100)):
        with pytest.raises(AheadOfLog, match="the ledger ends at 0; rebuild them"):
            look()
    (ahead,) = projector.status(clock=lambda: RECORDED_AT)
    assert (current.ahead, ahead.ahead, ahead.lag_events) == (False, True, 0)
    assert projector.rebuild() == 0


def test_status_tells_the_lag(ledger: BareLedger, life: Life) -> None:
    ledger.append(life.open())
    projector = ledger.projector()
    projector.catch_up()
    (current,) = projector.status(clock=lambda: RECORDED_AT)
    assert (current.lag_events, current.lag_seconds) == (0, 0.0)
    ledger.append(life.book("R-1", "ACME"), RECORDED_AT.replace(minute=31))
    (behind,) = projector.status(clock=lambda: RECORDED_AT.replace(minute=33))
    assert (behind.lag_events, behind.lag_seconds) == (2, 120.0)
    assert behind.position == current.position


def test_only_known_projections_are_rebuilt(ledger: BareLedger) -> None:
    with pytest.raises(UnknownProjection, match="there are: supplier_capacity"):
        ledger.projector().rebuild(["week_hours"])


def test_gaps_in_the_positions_are_passed(postgres_ledger: BarePostgres, life: Life) -> None:
    postgres_ledger.append(life.open())
    postgres_ledger.skip_positions(100)
    head = postgres_ledger.append(life.book("R-1", "ACME"))
    engine = postgres_ledger.engine()
    assert postgres_ledger.projector(engine, page_events=7).catch_up() == head
    assert positions_of(engine) == {"supplier_capacity": head}
    assert len(rows_of(engine)["matches"]) == 1


def test_a_command_shows_whole_or_not_at_all(ledger: BareLedger, life: Life) -> None:
    ends = [ledger.append(life.open())]
    ends += [ledger.append(life.book(f"R-{number}", "ACME")) for number in range(5)]
    projector = ledger.projector(page_events=1)
    shown: list[int] = []
    projector.on_applied.append(lambda position, touched: shown.append(position))
    projector.catch_up()
    assert shown == ends


def test_catching_up_to_a_position_stops_where_a_command_ends(
    ledger: BareLedger, life: Life
) -> None:
    ends = [ledger.append(life.open())]
    ends += [ledger.append(life.book(f"R-{number}", "ACME")) for number in range(4)]
    engine = ledger.engine()
    for page_events in (1, 2, 1_000):
        for up_to in range(ends[-1] + 3):
            start_over(engine)
            reached = max((end for end in ends if end <= up_to), default=0)
            projector = ledger.projector(engine, page_events=page_events)
            assert projector.catch_up(up_to=up_to) == reached
            assert positions_of(engine) == {"supplier_capacity": reached}
            assert len(rows_of(engine)["matches"]) == max(0, ends.index(reached) if reached else 0)
    projector = ledger.projector(engine)
    assert projector.catch_up() == ends[-1]
    assert projector.catch_up(up_to=ends[0]) == ends[0]  # what is beyond stays where it is
    assert positions_of(engine) == {"supplier_capacity": ends[-1]}


def test_several_projectors_may_start_at_once(ledger: BareLedger) -> None:
    ready = threading.Barrier(4)
    failures: list[Exception] = []

    def begin() -> None:
        engine = ledger.engine()
        ready.wait()
        try:
            ledger.projector(engine)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
