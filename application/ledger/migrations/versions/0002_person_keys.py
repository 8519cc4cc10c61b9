"""Keys of people: under them their names stand in events, and without them nobody can read one."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = {
    "sqlite": "CREATE TABLE person_keys (person_id INTEGER PRIMARY KEY, key BLOB NOT NULL)",
    "postgresql": "CREATE TABLE person_keys (person_id bigint PRIMARY KEY, key bytea NOT NULL)",
}


def upgrade() -> None:
    """Create the table; it is not part of the log, and rows may go from it."""
    op.get_bind().exec_driver_sql(TABLE[op.get_context().dialect.name])
