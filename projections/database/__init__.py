"""Where the read models live: their tables, and how far each projection has come.

All of it can be made again from the ledger, so nothing here is migrated and little is synced.
"""

from projections.database.creation import create_tables
from projections.database.engines import BUSY_TIMEOUT_SECONDS, open_read_models, reading
from projections.database.positions import (
    VersionReplaced,
    fence,
    fenced,
    move_positions,
    place_positions,
    read_positions,
    standing,
)
from projections.database.tables import (
    BOOKKEEPING,
    JsonText,
    Name,
    metadata,
    now_us,
    projection_positions,
)

__all__ = [
    "BOOKKEEPING",
    "BUSY_TIMEOUT_SECONDS",
    "JsonText",
    "Name",
    "VersionReplaced",
    "create_tables",
    "fence",
    "fenced",
    "metadata",
    "move_positions",
    "now_us",
    "open_read_models",
    "place_positions",
    "projection_positions",
    "read_positions",
    "reading",
    "standing",
]
