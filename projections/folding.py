"""Folding events into rows in memory: the one path by which any rule is ever applied."""

from collections.abc import Callable, Collection, Iterable, Sequence
from uuid import UUID

from msgspec import convert
from sqlalchemy import Table

from domain.aggregate import Event
from domain.stored import decode, event_class_of
from projections.log import LogRow
from projections.projection import Key, Projection, Row, Rule

# Position, aggregate id, version, topic, event, and the rules that apply.
Step = tuple[int, bytes, int, str, Event, tuple[Rule, ...]]


class EventFailed(RuntimeError):
    """An event cannot be applied: it cannot be read, or a rule fails with it."""

    def __init__(self, position: int, topic: str, projection: str, error: Exception) -> None:
        self.position, self.topic, self.projection = position, topic, projection
        who = f"{projection} cannot apply" if projection else "No projection can read"
        super().__init__(f"{who} {topic} at position {position}: {type(error).__name__}: {error}")


class Rulebook:
    """The rules of some projections by stored topic, and the reading of what they need."""

    def __init__(
        self,
        projections: Sequence[Projection],
        *,
        left_out: Collection[tuple[str, int]] = (),
    ) -> None:
        """Take the rules; `left_out` is what people skipped, by projection and position."""
        self.projections = tuple(projections)
        self._left_out = frozenset(left_out)
        self._left_out_at = {position for _, position in left_out}
        self.tables = {
            table: row_class
            for projection in projections
            for table, row_class in projection.rows.items()
        }
        self._rules_by_topic: dict[str, tuple[Rule, ...]] = {}
        self._by_aggregate_only: dict[str, bool] = {}
        # Whether the events of an aggregate can be applied apart from those of all others.
        self.is_divisible = all(
            rule.is_owned
            for projection in projections
            for event_class in projection.subscribes
            for rule in projection.rules(event_class)
        )

    def steps(
        self, log_rows: Iterable[LogRow], keeps: Callable[[bytes], bool] | None = None
    ) -> list[Step]:
        """Decode what these projections listen to; raise EventFailed where that is impossible.

        `keeps` leaves out, undecoded, events of other aggregates whose rows are all their own.
        """
        steps: list[Step] = []
        left_out_at = self._left_out_at
        known, own = self._rules_by_topic, self._by_aggregate_only
        for position, originator_id, version, topic, state in log_rows:
            rules = known.get(topic)
            if left_out_at and position in left_out_at and self._left_out_by_all(position):
                continue
            try:
                if rules is None:
                    rules = self.rules(topic)
                if position in left_out_at:
                    rules = self._not_left_out(rules, position)
                if not rules or (keeps and own[topic] and not keeps(originator_id)):
                    continue
                # Made by msgspec in a quarter of the time that UUID(bytes=...) takes.
                event = decode(topic, state, convert(originator_id, UUID), version)
            except Exception as error:
                raise EventFailed(position, topic, "", error) from error
            steps.append((position, originator_id, version, topic, event, rules))
        return steps

    def _left_out_by_all(self, position: int) -> bool:
        return all((each.name, position) in self._left_out for each in self.projections)

    def _not_left_out(self, rules: tuple[Rule, ...], position: int) -> tuple[Rule, ...]:
        return tuple(each for each in rules if (each.projection, position) not in self._left_out)

    def rules(self, topic: str) -> tuple[Rule, ...]:
        """Return the rules for what is stored under a topic. Raises UnknownTopic."""
        if topic in self._rules_by_topic:
            return self._rules_by_topic[topic]
        event_class = event_class_of(topic)
        rules = tuple(
            rule for projection in self.projections for rule in projection.rules(event_class)
        )
        self._by_aggregate_only[topic] = all(rule.key is None for rule in rules)
        self._rules_by_topic[topic] = rules
        return rules


class Fold:
    """Rows as they are after some steps; None stands for a row that is no more."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.rows: dict[Table, dict[Key, Row | None]] = {table: {} for table in tables}

    def wanted(self, steps: Iterable[Step]) -> dict[Table, list[Key]]:
        """Return the keys whose rows may exist already, and so must be loaded before `run`."""
        wanted: dict[Table, dict[Key, None]] = {}
        for _, originator_id, version, _, event, rules in steps:
            for rule in rules:
                if rule.key is not None:
                    wanted.setdefault(rule.table, {})[rule.key(event)] = None
                elif version > 1:  # the first event of an aggregate cannot find a row of its own
                    wanted.setdefault(rule.table, {})[originator_id] = None
        return {table: list(keys) for table, keys in wanted.items()}

    def run(self, steps: Iterable[Step]) -> None:
        """Apply every step. Raises EventFailed."""
        rows_of = self.rows
        for position, originator_id, _, topic, event, rules in steps:
            for rule in rules:
                try:
                    key = originator_id if rule.key is None else rule.key(event)
                    rows = rows_of[rule.table]
                    rows[key] = rule.apply(rows.get(key), event, position)
                except Exception as error:
                    raise EventFailed(position, topic, rule.projection, error) from error
