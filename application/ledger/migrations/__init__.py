"""The ledger's schema, brought up to date in one step by `capacity migrate`, and nowhere else.

Read models have no migrations: they are disposable, and are built anew.
"""

from pathlib import Path
from typing import Any

from application.ledger.revisions import SCHEMA_REVISION, SchemaNewer

_LOCK_KEY = 0x6361706163697479  # the advisory lock under which one process migrates: "capacity"


def migrate(url: str) -> str:
    """Create or update the ledger's tables at a SQLAlchemy URL; return the revision reached.

    Raises SchemaNewer, with nothing changed, if a newer program has migrated them further. Safe
    when several processes start at once: they take turns.
    """
    # Alembic and SQLAlchemy cost half a second to import; only this command needs them here.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event, text

    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            _refuse_newer(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
    return SCHEMA_REVISION


def _refuse_newer(connection: Any) -> None:
    from alembic.runtime.migration import MigrationContext

    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found > SCHEMA_REVISION:
        raise SchemaNewer(found)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transactions leave DDL outside; ours begin by writing, which holds other
    # processes off as well.
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")
