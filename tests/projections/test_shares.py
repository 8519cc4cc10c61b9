"""Parts of a rebuild: each event and each row belongs to one of them, and none is missed."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from domain.suppliers import SupplierCapacity
from projections.building import Building, Manner
from projections.database import create_tables
from projections.deriving import Stored
from projections.folding import Rulebook
from projections.history import History
from projections.left_out import LeftOut
from projections.parts import Part
from projections.projection import Key, Projection, Row, Share
from projections.rows import bulk_of
from projections.workers import Sources
from tests.projections.conftest import PROJECTIONS, BareLedger, Life

PARTS = 3

counts = Table(
    "counts", MetaData(), Column("line", Text, primary_key=True), Column("opened", BigInteger)
)
ids = Table("ids", MetaData(), Column("id", Text, primary_key=True))


class CountRow(Row):
    line: str
    opened: int


class IdRow(Row):
    id: str


def projection(*owned: Table) -> Projection:
    """Count a line's suppliers in one row, which all of them touch, and note each in its own."""
    made = Projection(
        "counts",
        version=1,
        rows={counts: CountRow, ids: IdRow},
        subscribes=(SupplierCapacity.Opened,),
        owned=owned,
    )

    @made.rule(counts, SupplierCapacity.Opened, key=lambda event: event.line)
    def _counted(row: CountRow | None, event: SupplierCapacity.Opened, _: int) -> CountRow:
        return CountRow(event.line, 1 if row is None else row.opened + 1)

    @made.rule(ids, SupplierCapacity.Opened)
    def _noted(_: IdRow | None, event: SupplierCapacity.Opened, _position: int) -> IdRow:
        return IdRow(event.originator_id.hex)

    return made


def rows_of(
    chosen: Projection, page: list[Any], part: Part | None
) -> list[tuple[str, Key, Row | None]]:
    history = History(
        Rulebook([chosen]),
        LeftOut({}),
        notes_touched=False,
        keeps_aggregate=part.keeps_aggregate if part else None,
        keeps_key=part.keeps_key if part else None,
    )
    history.run(page)
    return [
        (table.name, msgspec.msgpack.encode(key), row)
        for table, rows in history.rows.items()
        for key, row in rows.items()
    ]


def in_parts(chosen: Projection, page: list[Any]) -> list[tuple[str, Key, Row | None]]:
    parts = [Part(number, PARTS) for number in range(PARTS)]
    return sorted(row for part in parts for row in rows_of(chosen, page, part))


@pytest.fixture
def page(ledger: BareLedger, life: Life) -> list[Any]:
    head = ledger.append(life.open() + life.book("R-1", "ACME"))
    return ledger.log.page(0, head)


def test_every_row_is_made_in_one_part_whatever_its_key(page: list[Any]) -> None:
    whole = sorted(rows_of(projection(), page, None))
    assert len(whole) > PARTS
    assert in_parts(projection(), page) == whole
    # Without its guard: the claim that a row is touched by one aggregate alone must be true.
    assert in_parts(projection(counts), page) != whole


def test_shares_of_the_ledger_are_disjoint_and_complete(ledger: BareLedger, life: Life) -> None:
    head = ledger.append(life.open() + life.book("R-1", "ACME") + life.book("R-2", "iSoalr"))
    parts = [Part(number, PARTS) for number in range(PARTS)]
    shares = [ledger.log.share(1, head - 1, part.first, part.last) for part in parts]
    assert sorted(row for share in shares for row in share) == ledger.log.page(1, head - 1)
    for part, share in zip(parts, shares, strict=True):
        assert [row for row in share if not part.keeps_aggregate(row[1])] == []
    assert parts[0].first == bytes(16)
    assert parts[-1].last == b"\xff" * 16


def test_what_can_be_divided_by_aggregates_is_read_so() -> None:
    assert Rulebook(PROJECTIONS).is_divisible
    assert Rulebook([projection(counts)]).is_divisible
    assert not Rulebook([projection()]).is_divisible
    assert not Rulebook([*PROJECTIONS, projection()]).is_divisible


@pytest.mark.parametrize("many", [0, 1, 2, 7])
@pytest.mark.parametrize("of", [1, 2, 3])
def test_shares_of_a_table_are_disjoint_and_complete(
    ledger: BareLedger, many: int, of: int
) -> None:
    engine = ledger.engine()
    create_tables(engine, [noted := projection()])
    bulk = {table: bulk_of(table, row, engine.dialect) for table, row in noted.rows.items()}
    written = [IdRow(f"{number:03}") for number in range(many)]
    with engine.begin() as connection:
        if written:
            bulk[ids].append(connection, written)
        found = [
            [key for some in Stored(connection, bulk).all_rows(ids, share) for key in some]
            for share in (Share(number, of) for number in range(of))
        ]
    assert sorted(key for share in found for key in share) == [row.id for row in written]
    assert max(map(len, found)) <= -(-many // of)


def test_no_process_is_idle_while_another_folds_the_last_part(
    ledger: BareLedger, life: Life
) -> None:
    ledger.append(life.open() + [each for n in range(20) for each in life.book(f"R-{n}", "ACME")])
    engine = ledger.engine()
    create_tables(engine, PROJECTIONS)
    for jobs in (2, 3):
        manner = Manner(budget_bytes=jobs * 5_000, jobs=jobs)
        sources = Sources(ledger.log, engine, PROJECTIONS)
        names = {each.name: 0 for each in PROJECTIONS}
        building = Building(
            sources, PROJECTIONS, names, manner, left_out=LeftOut({}), tell=lambda *_: None
        )
        assert building.parts(ledger.log.head()) % jobs == 0
        assert building.parts(ledger.log.head()) > jobs
