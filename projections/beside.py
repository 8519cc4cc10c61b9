"""The tables beside the live ones: a version that is being built, and the one that was replaced.

Each has all tables of its projection under names of its own, and a position of its own.
"""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Table,
    Text,
    delete,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.schema import CreateTable, DropTable

from projections.completeness import Applied
from projections.database import BOOKKEEPING, metadata, now_us
from projections.marks import marked
from projections.projection import Projection
from projections.rows import BulkRows, bulk_of

Place = Literal["next", "before"]
State = Literal["building", "ready", "incomplete"]  # incomplete: it had parked events

projection_copies = Table(
    "projection_copies",
    metadata,
    Column("name", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("position", BigInteger, nullable=False),  # up to which its rows show the ledger
    Column("applied_events", BigInteger, nullable=False),
    Column("applied_digest", BigInteger, nullable=False),
    # What was built together has one id and one lease, whose epoch every write must name.
    Column("rebuild_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("stop_position", BigInteger, nullable=False),  # up to which it is folded
    Column("parts", Integer, nullable=False),
    Column("tables", Text, nullable=False),  # their live names, with spaces between
    Column("started_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    info=BOOKKEEPING,
)


class Copy(Struct, frozen=True):
    """One version of a projection beside the live one."""

    name: str
    place: Place
    version: int
    state: State
    position: int
    applied_events: int
    applied_digest: int
    rebuild_id: str
    epoch: int
    stop_position: int
    parts: int
    tables: str

    @property
    def table_names(self) -> list[str]:
        """The names that its tables have when they are live."""
        return self.tables.split()

    @property
    def applied(self) -> Applied:
        """What was read of the log for its rows."""
        return Applied(self.applied_events, self.applied_digest)


class RebuildRefused(RuntimeError):
    """A rebuild, a switch or an undo cannot go on; what is live has not changed."""


class Overtaken(RebuildRefused):
    """Another process has taken over a rebuild, or dropped what it has made so far."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            f"The rebuild of {', '.join(self.names)} was taken over or dropped by another process"
        )


# What is known of them.


def copies(connection: Connection, place: Place, names: Sequence[str] = ()) -> dict[str, Copy]:
    """Return the versions at one place, by name of the projection; none named: all."""
    columns = projection_copies.c
    found = select(*(columns[name] for name in Copy.__struct_fields__)).where(
        columns.place == place
    )
    if names:
        found = found.where(columns.name.in_(names))
    rows = connection.execute(found.order_by(columns.name))
    return {row.name: Copy(*row) for row in rows}


def add_copies(connection: Connection, added: Sequence[Copy]) -> None:
    """Enter versions; they begin now."""
    now = now_us(connection)
    for copy in added:
        values = {name: getattr(copy, name) for name in Copy.__struct_fields__}
        connection.execute(
            insert(projection_copies).values(**values, started_at_us=now, updated_at_us=now)
        )


def change_copies(connection: Connection, mine: Sequence[Copy], **values: Any) -> None:
    """Change what is known of versions. Raises Overtaken unless they still are ours."""
    changed = connection.execute(
        update(projection_copies)
        .where(_these(mine))
        .values(**values, updated_at_us=now_us(connection))
    )
    if changed.rowcount != len(mine):
        raise Overtaken(copy.name for copy in mine)


def check_copies(connection: Connection, mine: Sequence[Copy]) -> None:
    """Raise Overtaken unless versions are still ours, and let nobody take them until the commit."""
    # Shared, because several processes of one rebuild write at the same time.
    found = select(projection_copies.c.name).where(_these(mine)).with_for_update(read=True)
    if len(connection.execute(found).all()) != len(mine):
        raise Overtaken(copy.name for copy in mine)


def _these(mine: Sequence[Copy]) -> Any:
    columns = projection_copies.c
    return tuple_(columns.name, columns.place, columns.rebuild_id, columns.epoch).in_(
        [(copy.name, copy.place, copy.rebuild_id, copy.epoch) for copy in mine]
    )


# Their tables.


def name_beside(name: str, place: Place) -> str:
    """Return the name of a table at a place."""
    return f"{name}__{place}"


def create_beside(connection: Connection, projection: Projection, rebuild_id: str) -> None:
    """Make the empty tables of a version that is to be built; indexes come last."""
    for table in projection.rows:
        beside = table_beside(table, rebuild_id)
        connection.execute(DropTable(beside, if_exists=True))
        connection.execute(CreateTable(beside))
        if connection.dialect.name == "postgresql":  # where rows come in any order
            connection.exec_driver_sql(
                f"ALTER TABLE {beside.name} DROP CONSTRAINT {beside.primary_key.name}"
            )


@lru_cache(maxsize=64)  # a rebuild asks for the same few all the time
def table_beside(table: Table, rebuild_id: str) -> Table:
    """Return a table as the rebuild of an id makes it, with names that are its own."""
    return marked(table, rebuild_id[:8], name=name_beside(table.name, "next"))


def drop_copies(connection: Connection, dropped: Iterable[Copy]) -> None:
    """Forget versions, with whatever tables they have."""
    for copy in dropped:
        for name in copy.table_names:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name_beside(name, copy.place)}")
        columns = projection_copies.c
        connection.execute(
            delete(projection_copies).where(columns.name == copy.name, columns.place == copy.place)
        )


def bulk_beside(
    connection: Connection, projections: Sequence[Projection], place: Place
) -> dict[Table, BulkRows]:
    """Return what reads and writes the tables at a place, by the live table."""
    return {
        table: bulk_of(_named(table, place), row_class, connection.dialect)
        for projection in projections
        for table, row_class in projection.rows.items()
    }


@cache
def _named(table: Table, place: Place) -> Table:
    return marked(table, "", name=name_beside(table.name, place))
