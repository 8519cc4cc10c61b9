"""What people decided to skip: a rebuild passes it over, as following did."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from projections.folding import Rulebook, Step
from projections.log import LogRow
from projections.parking import left_out
from projections.projection import Projection


class LeftOut(NamedTuple):
    """The projections that skip an event, by its position."""

    by_position: dict[int, frozenset[str]]

    def steps(
        self,
        rulebook: Rulebook,
        page: Sequence[LogRow],
        keeps: Callable[[bytes], bool] | None = None,
    ) -> list[Step]:
        """Return the steps of a page without what is skipped. Raises EventFailed."""
        if not self.by_position:
            return rulebook.steps(page, keeps)
        names = {each.name for each in rulebook.projections}
        nobody: frozenset[str] = frozenset()
        # What all of them skip is not even read: that may be why it is skipped.
        read = [row for row in page if not names <= self.by_position.get(row[0], nobody)]
        steps = []
        for position, originator_id, version, topic, event, rules in rulebook.steps(read, keeps):
            skipping = self.by_position.get(position, nobody)
            kept = tuple(rule for rule in rules if rule.projection not in skipping)
            steps.append((position, originator_id, version, topic, event, kept))
        return steps


def find_left_out(connection: Connection, projections: Sequence[Projection]) -> LeftOut:
    """Return what these projections skip."""
    found: dict[int, set[str]] = {}
    for name, position in left_out(connection, [each.name for each in projections]):
        found.setdefault(position, set()).add(name)
    return LeftOut({position: frozenset(names) for position, names in found.items()})
