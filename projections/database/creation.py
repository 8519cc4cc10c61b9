"""Tables are made where they are missing, and anew where they are of another version."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from projections.database.positions import forget_what_is_kept_about
from projections.database.tables import BOOKKEEPING, metadata, now_us, projection_positions
from projections.marks import marked
from projections.projection import Projection

# Any number will do, if nobody else takes it: "views" in ASCII.
_TABLES_LOCK = 0x7669657773


def create_tables(
    engine: Engine, projections: Sequence[Projection], *, keep_versions: bool = False
) -> None:
    """Make what is missing, and make anew, from position 0, what has another version now.

    With `keep_versions` what has another version stays as it is. Safe when several processes
    start at once.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _TABLES_LOCK})
        _create_bookkeeping(connection)
        for projection in projections:
            if keep_versions and _is_known(connection, projection):
                continue
            if not _is_current(connection, projection):
                _create_anew(connection, projection)


def _create_bookkeeping(connection: Connection) -> None:
    tables = [table for table in metadata.sorted_tables if table.info == BOOKKEEPING]
    found = inspect(connection)
    existing = set(found.get_table_names())
    for table in tables:
        if table.name in existing:
            names = {column["name"] for column in found.get_columns(table.name)}
            if names != set(table.columns.keys()):
                # Another program's layout. What it tells can be made again like all else here,
                # but only all together.
                metadata.drop_all(connection, tables=tables)
                existing.clear()
                break
    missing = [table for table in tables if table.name not in existing]
    metadata.create_all(connection, tables=missing, checkfirst=False)


def _is_current(connection: Connection, projection: Projection) -> bool:
    stored = connection.scalar(
        select(projection_positions.c.version).where(projection_positions.c.name == projection.name)
    )
    existing = set(inspect(connection).get_table_names())
    return stored == projection.version and all(table.name in existing for table in projection.rows)


def _is_known(connection: Connection, projection: Projection) -> bool:
    columns = projection_positions.c
    return bool(connection.scalar(select(columns.name).where(columns.name == projection.name)))


def _create_anew(connection: Connection, projection: Projection) -> None:
    tables = list(projection.rows)
    metadata.drop_all(connection, tables=tables)
    mark = uuid4().hex[:8]  # versions kept beside have indexes of their own
    for table in tables:
        marked(table, mark).create(connection)
    columns = projection_positions.c
    connection.execute(projection_positions.delete().where(columns.name == projection.name))
    forget_what_is_kept_about(connection, projection)
    connection.execute(
        insert(projection_positions).values(
            name=projection.name,
            version=projection.version,
            position=0,
            updated_at_us=now_us(connection),
            epoch=0,
            applied_events=0,
            applied_digest=0,
        )
    )
