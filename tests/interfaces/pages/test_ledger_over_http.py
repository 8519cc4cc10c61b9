"""The page of the ledger over HTTP: its state, its events, and what it leaves out."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from interfaces.http.pages import ledger
from interfaces.settings import Settings
from tests.support.keys import make_key
from tests.support.plans import planned
from tests.support.report_plans import report_plan
from tests.support.servers import Live, running, settings_in, with_sample


@pytest.fixture(scope="module")
def live(each_store: Settings) -> Iterator[Live]:
    """A plan and the sample line, on each store."""
    with running(planned(each_store, report_plan())) as server:
        yield with_sample(server)


def positions(text: str) -> list[int]:
    return [int(each) for each in re.findall(r'id="event-(\d+)"', text)]


def test_it_pages_back_through_everything(live: Live) -> None:
    path, seen = "/ledger", []
    while path:
        answered = live.client.get(path)
        seen += positions(answered.text)
        older = re.search(r'id="older" href="([^"]+)"', answered.text)
        path = unescape(older[1]) if older else ""
    assert seen == list(range(live.service.log.head(), 0, -1))


def test_a_context_has_the_events_that_the_feed_has(live: Live) -> None:
    for context in ("assignments", "suppliers", "access", "operations"):
        shown = positions(live.client.get("/ledger", params={"context": context}).text)
        feed = [each["position"] for each in live.events(context=context)]
        assert shown == feed[::-1][:40], context


def test_rare_events_are_looked_for_in_a_part_of_the_ledger_at_once(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "SEARCHED_POSITIONS", 3)
    head = live.service.log.head()
    text = live.client.get("/ledger?context=assignments").text
    assert positions(text) == []
    assert f"None, down to position {head - 2}." in text
    assert f"/ledger?context=assignments&amp;before={head - 2}" in text


def test_each_event_leads_to_the_history_of_its_subject(live: Live) -> None:
    text = live.client.get("/ledger?context=suppliers").text
    position = positions(text)[0]
    address = re.search(r'class="subject" href="([^"]+)">([^<]+)<', text)
    assert address is not None
    assert address[2] == "suppliers: supplier capacity"
    history = live.client.get(address[1])
    assert position in positions(history.text)
    assert live.client.get("/ledger/suppliers/nothing").status_code == 404
    assert live.client.get("/ledger/nonsense/x").status_code == 422


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("context=nonsense", "/context"),
        ("before=0", "/before"),
        ("before=x", "/before"),
        ("after=x", "/after"),
        ("colour=red", "/query"),
    ],
)
def test_what_an_address_cannot_mean_is_refused(live: Live, query: str, field: str) -> None:
    answered = live.client.get(f"/ledger?{query}")
    assert answered.status_code == 422
    assert field in answered.text


def test_it_says_how_each_read_model_stands(live: Live) -> None:
    head = live.service.log.head()
    live.client.get("/v1/lines", params={"after": head})
    text = live.client.get(f"/ledger?after={head}").text
    names = re.findall(r'<th scope="row">([a-z_]+)</th>', text)
    assert names == sorted(live.service.projector.positions())
    assert 'data-settled="true"' in text
    first = live.client.get("/ledger")
    known = {"If-None-Match": first.headers["etag"]}
    assert live.client.get("/ledger", headers=known).status_code == 304


def test_it_says_that_nobody_follows_and_how_far_answers_are_behind(tmp_path: Path) -> None:
    with running(settings_in(tmp_path), projector=None) as live:
        with_sample(live)
        text = live.client.get(f"/ledger?after={live.service.log.head()}").text
        assert "nobody follows the ledger" in text
        assert 'data-settled="false"' in text
        assert "behind" in text
        assert positions(text) == list(range(live.service.log.head(), 0, -1))


def test_who_sees_one_vertical_is_not_told_of_others(tmp_path: Path) -> None:
    settings = planned(settings_in(tmp_path, keys_fresh_seconds=1e-9), report_plan())
    key = make_key(settings, "read", person_id="2")
    staff = make_key(settings, "read", "staff", person_id="2")
    with running(settings) as live:
        text = live.client.get("/ledger", headers=key.headers).text
        assert "Left out: assignments" in text
        assert "assignment" not in text.partition('class="told')[2]
        chosen = live.client.get("/ledger?context=assignments", headers=key.headers).text
        assert positions(chosen) == []
        history = "/ledger/assignments/1"
        asked = {"kind": "Assignment"}
        assert live.client.get(history, headers=key.headers).status_code == 404
        seen = live.client.get("/ledger", headers=staff.headers).text
        assert "Made the assignment" in seen
        told = live.client.get("/v1/history/assignments/1", headers=staff.headers, params=asked)
        whole = live.client.get(
            f"/ledger/assignments/{told.json()['stream_id']}", headers=staff.headers
        )
        assert "Set hours of the assignment 1 by week: 2026-11-15 30 h" in whole.text


def test_who_sees_one_vertical_would_be_told_of_others_if_they_were_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(ledger, "OF_VERTICALS", ())
    settings = planned(settings_in(tmp_path, keys_fresh_seconds=1e-9), report_plan())
    key = make_key(settings, "read", person_id="2")
    with running(settings) as live:
        assert "Made the assignment" in live.client.get("/ledger", headers=key.headers).text
