"""How the state of the ledger is said: what is wrong comes first, and ages are coarse."""

from typing import Any

import pytest

from interfaces.freshness import Staleness
from interfaces.pages.ledger import ledger_state, said_age
from projections.statuses import ProjectionStatus


def status(**changes: Any) -> ProjectionStatus:
    """Return a projection that is where the ledger is, and was never verified."""
    usual: dict[str, Any] = {
        "name": "supplier_capacity", "version": 2, "position": 40, "lag_events": 0,
        "lag_seconds": 0.0, "ahead": False, "parked_events": 0, "parked_from": None,
        "parked_seconds": 0.0, "verified_position": None, "verified_seconds": None,
    }  # fmt: skip
    return ProjectionStatus(**usual | changes)


@pytest.mark.parametrize(
    ("changes", "said", "is_bad"),
    [
        ({}, "current", False),
        ({"lag_events": 3, "lag_seconds": 61.0}, "behind", False),
        ({"parked_events": 2, "parked_from": 17, "lag_events": 3}, "has parked events", True),
        ({"ahead": True, "parked_events": 2}, "ahead of the ledger", True),
    ],
)
def test_a_read_model_is_said_to_be_what_matters_most(
    changes: dict[str, Any], said: str, is_bad: bool
) -> None:
    (found,) = ledger_state(40, [status(**changes)], []).standings
    assert (found.state, found.is_bad) == (said, is_bad)


def test_it_says_what_is_parked_and_how_old_what_it_waits_for_is() -> None:
    behind = status(lag_events=3, lag_seconds=150.0, parked_events=2, parked_from=17)
    (found,) = ledger_state(40, [behind], []).standings
    assert (found.lag, found.parked) == ("2 min", "2 from position 17")


def test_it_says_when_a_read_model_was_last_verified() -> None:
    (never,) = ledger_state(40, [status()], []).standings
    assert never.verified == "never"
    verified = status(verified_position=12, verified_seconds=7_300.0)
    (found,) = ledger_state(40, [verified], []).standings
    assert found.verified == "up to 12, 2 h ago"


def test_it_is_settled_where_nothing_is_awaited() -> None:
    assert ledger_state(40, [status()], []).is_settled
    assert not ledger_state(40, [status(lag_events=1)], []).is_settled
    fault = Staleness("runner", "nobody follows the ledger", "capacity projections run")
    assert not ledger_state(40, [status()], [fault]).is_settled


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "some seconds"), (12.7, "12 s"), (130, "2 min"), (7_300, "2 h"), (200_000, "2 d")],
)
def test_ages_are_said_coarsely(seconds: float, said: str) -> None:
    assert said_age(seconds) == said
