"""One table under several names: as it is live, and as it stands beside."""

from sqlalchemy import MetaData, Table
from sqlalchemy.sql.elements import quoted_name


def marked(table: Table, mark: str, *, name: str = "") -> Table:
    """Return a table under a name (none: its own), with indexes that no other table's can be.

    Two tables that change names keep their indexes, which SQLite cannot rename, and on neither
    store may two indexes have one name.
    """
    copy = table.to_metadata(MetaData(), name=name or table.name)
    copy.primary_key.name = f"{table.name}_key_{mark}"
    for index in copy.indexes:
        index.name = quoted_name(f"{index.name}_{mark}", quote=None)
        if index.kwargs.get("postgresql_using"):  # a copy forgets for which store it is
            index.ddl_if("postgresql")
    return copy
