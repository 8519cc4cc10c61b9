"""Tables that were rebuilt have the keys and indexes of tables that were made for following."""

import pytest
from sqlalchemy import Engine, inspect

from projections.catalogue import PROJECTIONS
from projections.database import create_tables
from projections.indexing import Indexing
from projections.marks import marked
from projections.rebuilding import rebuild_here
from projections.role_capacity import role_capacity
from tests.projections.conftest import BareLedger

Indexes = dict[str, tuple[list[str], set[tuple[str, ...]]]]


def indexes_of(engine: Engine) -> Indexes:
    """Return primary keys, and indexes by name (without what marks a version) and columns."""
    found = inspect(engine)
    tables = [table.name for each in PROJECTIONS for table in each.rows]
    return {
        name: (
            found.get_pk_constraint(name)["constrained_columns"],
            {
                (str(index["name"]).rpartition("_")[0], *map(str, index["column_names"]))
                for index in found.get_indexes(name)
            },
        )
        for name in tables
    }


def rebuilt(ledger: BareLedger, engine: Engine) -> Indexes:
    rebuild_here(ledger.log, engine, PROJECTIONS)
    return indexes_of(engine)


def test_a_rebuild_makes_the_same_indexes(ledger: BareLedger) -> None:
    engine = ledger.engine()
    create_tables(engine, PROJECTIONS)
    made = indexes_of(engine)
    assert tuple(
        next(each for each in made["assignment_week_hours"][1] if "week_hours_week" in each)[:2]
    ) == ("week_hours_week", "week_start")
    assert rebuilt(ledger, engine) == made


def test_an_index_that_is_not_made_is_found(
    ledger: BareLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    engine = ledger.engine()
    create_tables(engine, PROJECTIONS)
    made = indexes_of(engine)
    monkeypatch.setattr(Indexing, "_make", lambda *_: None)
    assert rebuilt(ledger, engine) != made


def test_a_copy_of_a_table_keeps_to_the_store_of_its_indexes(ledger: BareLedger) -> None:
    engine = ledger.engine()
    (assignments,) = [table for table in role_capacity.rows if table.name == "assignments"]
    copy = marked(assignments, "abc", name="copied")
    copy.create(engine)
    names = {str(index["name"]) for index in inspect(engine).get_indexes("copied")}
    in_postgres = engine.dialect.name == "postgresql"
    assert ("assignments_weekly_hours_abc" in names) is in_postgres
