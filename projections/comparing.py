"""Comparing two versions of a projection at one position, row by row, inside the database."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Table

from projections.beside import Place, name_beside
from projections.folding import Rulebook
from projections.log import Log
from projections.projection import Key, Projection

EXAMPLES = 20
WINDOW_POSITIONS = 5_000
MOST_EVENTS = 200  # of those that touched the rows of the examples


class RowDifference(Struct, frozen=True):
    """One row that the two versions do not agree on; a side on which it is missing has no columns.

    Columns that both sides agree on are left out; bytes are written as hexadecimal digits.
    """

    key: dict[str, Any]
    live: dict[str, Any]
    rebuilt: dict[str, Any]


class TableDifferences(Struct, frozen=True):
    """How the rows of one table differ; the examples are the first by their keys."""

    table: str
    only_live: int
    only_rebuilt: int
    different: int
    columns: dict[str, int]  # in how many rows that both have a column differs
    examples: tuple[RowDifference, ...]

    @property
    def rows(self) -> int:
        """How many rows differ."""
        return self.only_live + self.only_rebuilt + self.different


class TouchingEvent(Struct, frozen=True):
    """An event whose rules concern a row of the examples."""

    position: int
    topic: str
    aggregate_id: str
    version: int
    table: str


class Differences(Struct, frozen=True):
    """What a comparison has found, at a position."""

    projection: str
    position: int
    tables: tuple[TableDifferences, ...]
    events: tuple[TouchingEvent, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows differ."""
        return sum(table.rows for table in self.tables)


def compare(
    connection: Connection, projection: Projection, place: Place, *, position: int
) -> Differences:
    """Compare the live tables with those at a place; both must show the same position."""
    found = (_compare_table(connection, table, place) for table in projection.rows)
    return Differences(projection.name, position, tuple(each for each in found if each.rows))


def _compare_table(connection: Connection, table: Table, place: Place) -> TableDifferences:
    sides = _Sides(table, place)
    different = f"({' OR '.join(sides.unequal)})" if sides.unequal else "1 = 0"
    counts = ", ".join(
        f"coalesce(sum(CASE WHEN {each} THEN 1 ELSE 0 END), 0)" for each in sides.unequal
    )
    counted = f"count(*){counts and ', ' + counts}"
    both = f"SELECT {counted} FROM {sides.joined} WHERE {different}"  # noqa: S608 - our own names
    rows, *by_column = connection.exec_driver_sql(both).one()
    only_live = sides.count_missing(connection, there="live", missing="rebuilt")
    only_rebuilt = sides.count_missing(connection, there="rebuilt", missing="live")
    columns = {name: int(each) for name, each in zip(sides.others, by_column, strict=True) if each}
    examples: list[RowDifference] = []
    if rows or only_live or only_rebuilt:
        examples = list(sides.examples(connection, different))
    return TableDifferences(
        str(table.name), only_live, only_rebuilt, int(rows), columns, tuple(examples)
    )


class _Sides:
    """The statements that compare a table with the one beside it."""

    def __init__(self, table: Table, place: Place) -> None:
        self.columns = [str(column.name) for column in table.columns]
        self.keys = [str(column.name) for column in table.primary_key.columns]
        self.others = [name for name in self.columns if name not in self.keys]
        self.unequal = [f"live.{each} IS DISTINCT FROM rebuilt.{each}" for each in self.others]
        self._live = f"{table.name} AS live"
        self._rebuilt = f"{name_beside(table.name, place)} AS rebuilt"
        same_key = " AND ".join(f"live.{each} = rebuilt.{each}" for each in self.keys)
        self._same_key = same_key
        self.joined = f"{self._live} JOIN {self._rebuilt} ON {same_key}"

    def count_missing(self, connection: Connection, *, there: str, missing: str) -> int:
        """Count the rows that only one side has."""
        sql = f"SELECT count(*) FROM {self._one_sided(there, missing)}"  # noqa: S608 - our names
        return int(connection.exec_driver_sql(sql).scalar_one())

    def examples(self, connection: Connection, different: str) -> Iterator[RowDifference]:
        """Return the first few rows of each kind, by their keys."""
        pairs = ", ".join(f"live.{each}, rebuilt.{each}" for each in self.columns)
        order = ", ".join(f"live.{each}" for each in self.keys)
        sql = (
            f"SELECT {pairs} FROM {self.joined} WHERE {different}"  # noqa: S608 - our names
            f" ORDER BY {order} LIMIT {EXAMPLES}"
        )
        for row in connection.exec_driver_sql(sql):
            yield self._difference(row[0::2], row[1::2])
        for side, other in (("live", "rebuilt"), ("rebuilt", "live")):
            listed = ", ".join(f"{side}.{each}" for each in self.columns)
            order = ", ".join(f"{side}.{each}" for each in self.keys)
            sql = (
                f"SELECT {listed} FROM {self._one_sided(side, other)}"  # noqa: S608 - our names
                f" ORDER BY {order} LIMIT {EXAMPLES}"
            )
            for row in connection.exec_driver_sql(sql):
                alone = dict(zip(self.columns, map(_shown, row), strict=True))
                key = {name: alone.pop(name) for name in self.keys}
                yield (
                    RowDifference(key, alone, {})
                    if side == "live"
                    else RowDifference(key, {}, alone)
                )

    def _one_sided(self, there: str, missing: str) -> str:
        sources = {"live": self._live, "rebuilt": self._rebuilt}
        return (
            f"{sources[there]} LEFT JOIN {sources[missing]} ON {self._same_key}"
            f" WHERE {missing}.{self.keys[0]} IS NULL"
        )

    def _difference(self, live: Sequence[Any], rebuilt: Sequence[Any]) -> RowDifference:
        pairs = {
            name: (_shown(one), _shown(other))
            for name, one, other in zip(self.columns, live, rebuilt, strict=True)
        }
        differing = {
            name: pair for name, pair in pairs.items() if name in self.others and pair[0] != pair[1]
        }
        return RowDifference(
            key={name: pairs[name][0] for name in self.keys},
            live={name: pair[0] for name, pair in differing.items()},
            rebuilt={name: pair[1] for name, pair in differing.items()},
        )


def _shown(value: Any) -> Any:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


def touching_events(
    log: Log, projection: Projection, differences: Differences
) -> tuple[TouchingEvent, ...]:
    """Return the events whose rules concern the rows of the examples, oldest first.

    This reads the whole log once, undecoded but for the aggregates of the examples.
    """
    wanted = {
        table: {_key(table, example) for example in found.examples}
        for found in differences.tables
        for table in projection.rows
        if table.name == found.table
    }
    own = {key for keys in wanted.values() for key in keys if isinstance(key, bytes)}
    rulebook = Rulebook([projection])
    events: list[TouchingEvent] = []
    for after in range(0, differences.position, WINDOW_POSITIONS):
        page = log.page(after, min(after + WINDOW_POSITIONS, differences.position))
        for position, originator_id, version, topic, event, rules in rulebook.steps(
            page, own.__contains__
        ):
            for rule in rules:
                key = originator_id if rule.key is None else rule.key(event)
                if key in wanted.get(rule.table, ()) and len(events) < MOST_EVENTS:
                    name = str(rule.table.name)
                    events.append(
                        TouchingEvent(position, topic, originator_id.hex(), version, name)
                    )
    return tuple(events)


def _key(table: Table, example: RowDifference) -> Key:
    values = [
        bytes.fromhex(example.key[column.name])
        if column.type.python_type is bytes
        else example.key[column.name]
        for column in table.primary_key.columns
    ]
    return values[0] if len(values) == 1 else tuple(values)
