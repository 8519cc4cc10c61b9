"""One table under several names: as it is live, and as it stands beside."""

from typing import Any

from sqlalchemy import MetaData, Table


def marked(table: Table, mark: str, *, name: str = "") -> Table:
    """Return a table under a name (none: its own), with indexes that no other table's can be.

    Two tables that change names keep their indexes, which SQLite cannot rename, and on neither
    store may two indexes have one name.
    """
    copy = table.to_metadata(MetaData(), name=name or table.name)
    key: Any = f"{table.name}_key_{mark}"
    copy.primary_key.name = key
    for index in copy.indexes:
        index.name = f"{index.name}_{mark}"
    return copy
