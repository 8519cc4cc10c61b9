"""Folding history in parts: each row is made in one part, whatever the rules go by."""

from typing import Any

import pytest

from domain.aggregate import Event
from domain.stored import encode, stored_topic
from projections.folding import Rulebook
from projections.history import History
from projections.left_out import LeftOut
from projections.log import LogRow
from projections.parts import Part
from projections.projection import Key
from projections.role_capacity import role_capacity
from projections.role_capacity.tables import assignments, people, planning_news
from tests.projections.role_capacity.documents import Planning
from tests.projections.role_capacity.test_parking import LATER

PARTS = 3


def log_of(events: list[Event]) -> list[LogRow]:
    """Return events as the log's pages hold them."""
    return [
        (
            position,
            each.originator_id.bytes,
            each.originator_version,
            stored_topic(type(each)),
            encode(each),
        )
        for position, each in enumerate(events, start=1)
    ]


def folded(log: list[LogRow], part: Part | None, **options: Any) -> dict[str, dict[Key, Any]]:
    keeps: dict[str, Any] = {"keeps_aggregate": None, "keeps_key": None}
    if part is not None:
        keeps = {"keeps_aggregate": part.keeps_aggregate, "keeps_key": part.keeps_key}
    history = History(
        Rulebook([role_capacity]), LeftOut({}), notes_touched=False, **{**keeps, **options}
    )
    history.run(log)
    return {table.name: dict(history.rows[table]) for table in (planning_news, people, assignments)}


@pytest.fixture
def log() -> list[LogRow]:
    """Each event has a rule by its aggregate (the news) and most have one by another key."""
    return log_of(Planning().declare(LATER))


def made_in(log: list[LogRow], table: str, **options: Any) -> dict[Key, list[int]]:
    """Return the parts that make each row."""
    parts: dict[Key, list[int]] = {}
    for number in range(PARTS):
        for key in folded(log, Part(number, PARTS), **options)[table]:
            parts.setdefault(key, []).append(number)
    return parts


@pytest.mark.parametrize("table", ["planning_news", "people", "assignments"])
def test_each_row_is_made_in_one_part_as_it_is_made_in_the_whole(
    log: list[LogRow], table: str
) -> None:
    whole = folded(log, None)[table]
    parts = [folded(log, Part(number, PARTS))[table] for number in range(PARTS)]
    assert {key: row for part in parts for key, row in part.items()} == whole
    assert {len(numbers) for numbers in made_in(log, table).values()} == {1}


def test_without_its_guard_a_row_is_made_in_every_part(log: list[LogRow]) -> None:
    """The negative control: every table of planning has rows that one aggregate owns."""
    everywhere = tuple(range(PARTS))
    for table in ("planning_news", "people", "assignments"):
        unguarded = made_in(log, table, keeps_aggregate=None)
        assert set(map(tuple, unguarded.values())) == {everywhere}
