"""A person's key sees one vertical: beside reports it is told that plans changed, and not how."""

from collections.abc import Iterator
from typing import Any

import pytest

from application.assignments import HoursChange
from interfaces.http import confinement, event_stream
from interfaces.service import Service
from tests.support.keys import MadeKey, beside, command, make_key
from tests.support.plans import WEEKS, staffed
from tests.support.servers import Live, running, settings_in
from tests.support.streams import streaming

PLANS = ("/v1/history/assignments/1?kind=Assignment", "/v1/explain/role_capacity/people/3")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, MadeKey, MadeKey]]:
    """A plan of two verticals, with the keys of somebody in one of them and of staff."""
    settings = staffed(settings_in(tmp_path_factory.mktemp("confined")))
    grace = make_key(settings, "read", "write", person_id="2")
    staff = make_key(settings, "read", "write", "staff", person_id="2")
    with running(settings) as live:
        yield live, grace, staff


def asked(live: Live, key: MadeKey, path: str, **query: Any) -> Any:
    return live.client.get(path, params=query or None, headers=key.headers)


def contexts(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {each["context"] for each in answer.json()["events"]}


def test_the_feed_leaves_plans_out(planned: tuple[Live, MadeKey, MadeKey]) -> None:
    live, grace, staff = planned
    assert contexts(asked(live, grace, "/v1/events", limit=1_000)) == {"access"}
    assert contexts(asked(live, grace, "/v1/events", context="assignments")) == set()
    assert contexts(asked(live, staff, "/v1/events", limit=1_000)) == {"access", "assignments"}


def test_what_is_left_out_counts_as_read(planned: tuple[Live, MadeKey, MadeKey]) -> None:
    live, grace, _ = planned
    answer = asked(live, grace, "/v1/events", context="assignments")
    assert answer.json()["next"] == int(answer.headers["capacity-position"])


@pytest.mark.parametrize("path", PLANS)
def test_histories_and_rows_of_plans_are_refused(
    planned: tuple[Live, MadeKey, MadeKey], path: str
) -> None:
    live, grace, staff = planned
    refused = asked(live, grace, path)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/vertical-only")
    assert asked(live, staff, path).status_code == 200


def test_differences_are_told_of_projections_without_plans(
    planned: tuple[Live, MadeKey, MadeKey],
) -> None:
    live, grace, staff = planned
    for query in ({}, {"projection": "role_capacity"}):
        refused = asked(live, grace, "/v1/diff", **{"from": 0} | query)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/vertical-only")
        assert asked(live, staff, "/v1/diff", **{"from": 0} | query).status_code == 200
    told = asked(live, grace, "/v1/diff", **{"from": 0, "projection": "supplier_capacity"})
    assert told.status_code == 200


def test_a_stream_tells_that_plans_changed_and_not_how(
    planned: tuple[Live, MadeKey, MadeKey],
) -> None:
    live, grace, staff = planned
    stored = asked(live, staff, "/v1/events", context="assignments", limit=5).json()["events"]
    with streaming(live.client, after=0, context="assignments", headers=grace.headers) as stream:
        told = [each.data for each in stream.take(len(stored))]
        assert told == [bare(each) for each in stored]
        with streaming(live.client, context="assignments", headers=staff.headers) as whole:
            whole.begin()
            stream.take(everything(live, staff) - len(stored))
            beside(live.service.settings, change_hours)
            (news,), (known,) = stream.take(1), whole.take(1)
    assert known.data["data"]["weeks"]
    assert news.data == bare(known.data)


def bare(event: Any) -> Any:
    return {name: event[name] for name in ("topic", "context", "position")}


def everything(live: Live, staff: MadeKey) -> int:
    found = asked(live, staff, "/v1/events", context="assignments", limit=1_000)
    return len(found.json()["events"])


async def change_hours(service: Service) -> None:
    change = HoursChange(1, {WEEKS[0]: 130_000})
    await service.planning.change_all_hours(command(), changes=[change])


def stale_change(live: Live, key: MadeKey) -> Any:
    answer = live.client.patch(
        "/v1/assignments/1/hours",
        json={"weekly_hours": {WEEKS[0]: 20}},
        headers=key.headers | {"if-match": '"1"'},
    )
    assert answer.status_code == 412, answer.text
    return answer.json()


def test_who_changes_a_plan_too_late_is_not_told_what_happened_to_it(
    planned: tuple[Live, MadeKey, MadeKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    live, grace, staff = planned
    assert "missed" not in stale_change(live, grace)
    assert stale_change(live, staff)["missed"]
    # The negative control: without the guard it is told.
    monkeypatch.setattr(confinement, "is_confined", lambda _: False)
    assert stale_change(live, grace)["missed"]


def test_without_the_guard_a_persons_key_reads_everything(
    planned: tuple[Live, MadeKey, MadeKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the tests above."""
    live, grace, _ = planned
    monkeypatch.setattr(confinement, "is_confined", lambda _: False)
    assert contexts(asked(live, grace, "/v1/events", limit=1_000)) == {"access", "assignments"}
    for path in PLANS:
        assert asked(live, grace, path).status_code == 200
    monkeypatch.setattr(event_stream, "is_confined", lambda _: False)
    with streaming(live.client, after=0, context="assignments", headers=grace.headers) as stream:
        assert "data" in stream.take(1)[0].data
