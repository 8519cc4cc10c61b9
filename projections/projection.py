"""How a projection states its rules: once, whether it follows the ledger or is rebuilt from it.

A rule is a pure function from a row, an event and its position to the row after it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Table

from domain.aggregate import Aggregate, Event

# The primary key of a row: one value, or a tuple where several columns make the key.
Key = Any


class Row(Struct, gc=False, array_like=True):
    """One row of a read model; its fields are the columns of its table, in their order.

    A rule may change the row it was given: it belongs to the fold. Fields hold plain values
    only (text, integers, bytes), which is what lets the garbage collector pass them over.
    """


Rows = dict[Table, dict[Key, Row | None]]
RowsBefore = Mapping[Table, Mapping[Key, Row | None]]
Touched = Mapping[str, Mapping[Key, Row | None]]
_R = TypeVar("_R", bound=Callable[[Any, Any, int], Row | None])


class MissingRule(LookupError):
    """A projection subscribes to an event for which it has no rule."""

    def __init__(self, projection: str, event_class: type[Event]) -> None:
        self.projection, self.event_class = projection, event_class
        super().__init__(
            f"Projection {projection} subscribes to {event_class.topic} and has no rule for it"
        )


class UnknownProjection(LookupError):
    """No projection has this name."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name = name
        super().__init__(f"No projection is called {name}; there are: {', '.join(known)}")


class Rule(NamedTuple):
    """What one event does to one row of one table."""

    projection: str
    table: Table
    key: Callable[[Any], Key] | None  # None: the id of the event's aggregate, as bytes
    apply: Callable[[Any, Any, int], Row | None]
    is_owned: bool  # no event of another aggregate touches the same row


class Share(NamedTuple):
    """Which of several shares of the rows of a table: they are cut along the first key column."""

    number: int = 0
    of: int = 1


class StoredRows(Protocol):
    """The rows that are stored of a projection, by its tables."""

    def rows(self, table: Table, keys: Sequence[Key]) -> dict[Key, Row | None]:
        """Return the rows that exist among these keys."""

    def rows_with(self, table: Table, column: str, values: Sequence[Any]) -> dict[Key, Row | None]:
        """Return the rows that have one of these values in a column."""

    def all_rows(
        self,
        table: Table,
        share: Share = Share(),  # noqa: B008 - it never changes
    ) -> Iterator[dict[Key, Row | None]]:
        """Return every row, or a share of them, some at a time."""


Write = Callable[[Table, Sequence[Row]], None]


class MadeOf(NamedTuple):
    """The source rows that a derived row follows from, and which of their events matter to it."""

    rows: Mapping[Table, Collection[Key]]
    concerns: Callable[[Event], bool]


class Derivation(Protocol):
    """How rows of some tables follow from the rows of others."""

    @property
    def sources(self) -> tuple[Table, ...]:
        """The tables from whose rows others follow."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables whose rows follow."""

    @property
    def shared_out(self) -> Table:
        """The source whose rows are shared out when all derived rows are made."""

    def follow(self, before: RowsBefore, after: RowsBefore, stored: StoredRows) -> Rows:
        """Return derived rows that are other than before.

        `before` and `after` hold the source rows that a page has touched; `stored` shows all rows
        as they are before it.
        """

    def made_of(self, connection: Connection, table: Table, key: Key) -> MadeOf:
        """Return what a derived row follows from, as a connection shows it."""

    def following(
        self, source: Table, keys: Sequence[Key], before: StoredRows, after: StoredRows
    ) -> Iterator[tuple[Table, Key, Key]]:
        """Yield derived rows that may differ because these source rows do: table, key, source."""

    def build(self, stored: StoredRows, write: Write, share: Share) -> Any:
        """Write a share of the derived rows, from a share of the rows of `shared_out`; each once.

        Shares are built at the same time in several processes. What is returned, which can be
        pickled, is what `join` gets.
        """

    def join(self, built: Sequence[Any], write: Write) -> None:
        """Write the derived rows to which every share contributes."""


class Projection:
    """One question: its tables, the events that it listens to, and a rule for each of them.

    Raise `version` whenever tables or rules change: the tables are then built anew.
    """

    def __init__(
        self,
        name: str,
        *,
        version: int,
        rows: Mapping[Table, type[Row]],
        subscribes: tuple[type[Event], ...],
        owned: tuple[Table, ...] = (),
        divided_by: tuple[str, ...] = (),
        derivation: Derivation | None = None,
    ) -> None:
        """Declare tables; `divided_by` are columns of text that all have, to rebuild by alone.

        Each row of `owned` tables is touched by the events of one aggregate alone, though its key
        is not that aggregate's id: processes that rebuild then share out the aggregates.
        Rows of the tables of a derivation are made by it, and by no rule.
        """
        self.divided_by, self.derivation, self.owned = divided_by, derivation, frozenset(owned)
        self.name, self.version, self.rows, self.subscribes = name, version, rows, subscribes
        self._rules: dict[type[Event], tuple[Rule, ...]] = {}
        for table, row_class in rows.items():
            if missing := set(divided_by) - set(table.columns.keys()):
                raise TypeError(f"The table {table} has no column {', '.join(sorted(missing))}")
            if row_class.__struct_fields__ != tuple(table.columns.keys()):
                raise TypeError(f"{row_class.__name__} has other fields than the table {table}")

    def rule(
        self, table: Table, *event_classes: type[Event], key: Callable[[Any], Key] | None = None
    ) -> Callable[[_R], _R]:
        """Register a function as the rule for these events.

        It takes the row (None: there is none), the event and its position, and returns the row
        after it (None: there is none any more). Without `key` the row is that of the aggregate.
        """
        if table not in self.rows:
            raise TypeError(f"The table {table} is not one of {self.name}")
        if self.derivation is not None and table in self.derivation.tables:
            raise TypeError(f"The rows of {table} are derived: no rule makes them")

        def register(apply: _R) -> _R:
            for event_class in event_classes:
                is_owned = key is None or table in self.owned
                rule = Rule(self.name, table, key, apply, is_owned)
                self._rules[event_class] = (*self.rules(event_class), rule)
            return apply

        return register

    def rules(self, event_class: type[Event]) -> tuple[Rule, ...]:
        """Return the rules for an event; none for one that it does not listen to."""
        return self._rules.get(event_class, ())

    def check(self) -> None:
        """Raise MissingRule unless every event that it subscribes to has a rule."""
        for event_class in self.subscribes:
            if event_class not in self._rules:
                raise MissingRule(self.name, event_class)
        for event_class in self._rules:
            if event_class not in self.subscribes:
                raise TypeError(f"{self.name} has a rule for {event_class.topic}, unsubscribed")


def events_of(*aggregate_classes: type[Aggregate]) -> tuple[type[Event], ...]:
    """Return every event class of these aggregates, those added tomorrow too."""
    return tuple(
        event_class
        for aggregate_class in aggregate_classes
        for event_class in aggregate_class.evolutions
    )


def chosen_of(projections: Sequence[Projection], names: Sequence[str]) -> list[Projection]:
    """Return projections by name; none named: all. Raises UnknownProjection."""
    by_name = {each.name: each for each in projections}
    for name in names:
        if name not in by_name:
            raise UnknownProjection(name, by_name)
    return [by_name[name] for name in dict.fromkeys(names or by_name)]
