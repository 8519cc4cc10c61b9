"""Pages of suppliers over HTTP: the figures of the API, what may be asked, and what it costs."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from interfaces.settings import Settings
from projections import supplier_capacity
from tests.support.keys import make_key
from tests.support.servers import SUPPLIER, Live, running, settings_in, with_sample
from tests.support.wide_lines import BAD_NAME, PAGE, ROOT, SUPPLIERS, names, with_wide_line

SAMPLE = "/suppliers/sbus/overlap_only"


@pytest.fixture(scope="module")
def live(each_store: Settings) -> Iterator[Live]:
    """The sample line, and one with many suppliers, on each store."""
    with running(each_store) as server:
        found = with_wide_line(with_sample(server))
        found.client.get("/v1/lines", params={"after": found.service.log.head()})
        yield found


def suppliers(text: str) -> list[str]:
    """Return the suppliers that a page lists, in its order."""
    return [unescape(each) for each in re.findall(r'<th scope="row" title="([^"]*)">', text)]


def test_the_start_page_leads_to_them(live: Live) -> None:
    text = live.client.get("/").text
    assert '<a href="/suppliers">Suppliers</a>' in text
    assert '<a href="/ledger">Ledger</a>' in text
    listed = live.client.get("/suppliers").text
    assert f'<a href="{PAGE}">all &amp; more</a>' in listed
    assert f'<a href="{SAMPLE}">overlap_only</a>' in listed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [names()[1], names()[0], names()[2]]),  # over, full, half full
        ("?sort=supplier&order=asc", sorted(names(), key=str.casefold)[:3]),
        ("?sort=used", [names()[1], names()[0], names()[2]]),
        ("?sort=capacity&order=asc", [names()[1], names()[0], names()[7]]),
        ("?sort=room&order=asc", [names()[0], names()[1], names()[2]]),
        ("?name=ER%20090", ["Supplier 090"]),
        ("?page=4&sort=supplier&order=asc", ["Supplier 090", "Supplier 091", "Supplier 092"]),
        ("?page=99&sort=supplier&order=asc", ["Supplier 090", "Supplier 091", "Supplier 092"]),
        ("?name=nobody", []),
    ],
)
def test_rows_are_those_that_are_asked_for(live: Live, query: str, expected: list[str]) -> None:
    answered = live.client.get(f"{PAGE}{query}")
    assert answered.status_code == 200, answered.text
    assert suppliers(answered.text)[:3] == expected


def test_every_supplier_is_on_one_page(live: Live) -> None:
    pages = [suppliers(live.client.get(f"{PAGE}?page={number}").text) for number in range(1, 5)]
    found = [each for page in pages for each in page]
    assert len(found) == SUPPLIERS
    assert set(found) == set(live.client.get(f"{ROOT}/capacity").json())


def test_overbooked_and_full_are_said_in_words(live: Live) -> None:
    text = live.client.get(PAGE).text
    states = re.findall(r'<span class="state">(.*?)</span></span>', text)
    rows = dict(zip(suppliers(text), states, strict=True))
    assert rows[names()[1]].endswith("2 over")
    assert rows[BAD_NAME] == "full"
    assert rows[names()[2]] == ""
    assert BAD_NAME not in text


@pytest.mark.parametrize(
    ("path", "field", "detail"),
    [
        (f"{PAGE}?sort=colour", "/sort", "one of supplier, capacity, used, room, percent"),
        (f"{PAGE}?order=up", "/order", "one of asc, desc"),
        (f"{PAGE}?page=0", "/page", "a whole number from 1"),
        (f"{PAGE}?matches=x", "/matches", "a whole number from 1"),
        (f"{PAGE}?name={'x' * 201}", "/name", "at most 200"),
        (f"{PAGE}?page=1&page=2", "/page", "stands twice"),
        (f"{PAGE}?colour=red", "/query", "known here: name, sort, order, page, matches, as_of"),
        ("/suppliers?page=-1", "/page", "a whole number from 1"),
        ("/suppliers?as_of=2999-01-01", "/as_of", "which is in the future"),
        (f"{PAGE}/history/{names()[1]}?cursor=abc", "/cursor", "this is no cursor"),
    ],
)
def test_what_an_address_cannot_mean_is_refused(
    live: Live, path: str, field: str, detail: str
) -> None:
    answered = live.client.get(path)
    assert answered.status_code == 422
    text = unescape(answered.text)
    assert field in text
    assert detail in text


def test_what_is_not_there_is_not_found(live: Live) -> None:
    for path in ("/suppliers/sbus/nothing", "/suppliers/none/all", f"{PAGE}/history/nobody"):
        answered = live.client.get(path)
        assert answered.status_code == 404, path
        assert answered.headers["content-type"].startswith("text/html")
    assert live.client.get(f"{PAGE}/picture.gif").status_code == 404


def test_a_history_tells_who_when_why_and_the_counts(live: Live) -> None:
    text = live.client.get(f"{PAGE}/history/{names()[1]}").text
    first, *_, last = re.findall(r"<li id=.*?</li>", text, re.DOTALL)
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", first))
    assert "local" in plain
    assert "fewer crews" in plain
    assert "capacity 4 → to 2" in plain
    assert "Gave Supplier 001 4 slots" in last
    assert "→" not in last


def test_a_long_history_is_paged_to_its_beginning(live: Live) -> None:
    for number in range(60):
        assert live.book(f"R-long-{number}").status_code == 201
    path, seen = f"{SAMPLE}/history/{SUPPLIER}", []
    while path:
        text = live.client.get(path).text
        seen += [int(each) for each in re.findall(r'id="event-(\d+)"', text)]
        further = re.search(r'id="further" href="([^"]+)"', text)
        path = unescape(further[1]) if further else ""
    answered = live.client.get(
        f"/v1/lines/sbus/scenarios/overlap_only/suppliers/{SUPPLIER}/history", params={"limit": 99}
    ).json()
    assert seen == [each["position"] for each in reversed(answered["events"])]


def test_latest_matches_are_paged(live: Live) -> None:
    path, seen = SAMPLE, []
    for number in range(20):
        live.book(f"R-match-{number}")
    live.client.get("/v1/lines", params={"after": live.service.log.head()})
    while path:
        text = live.client.get(path).text
        table = text.partition('id="matches"')[2]
        seen += re.findall(r'<td class="text">(R-[^<]+)</td>', table)
        earlier = re.search(r'id="earlier-matches" href="([^"]+)"', table)
        path = unescape(earlier[1]) if earlier else ""
    answered = live.client.get(
        "/v1/lines/sbus/scenarios/overlap_only/matches", params={"limit": 1000}
    ).json()["matches"]
    newest = sorted(answered, key=lambda each: -each["position"])
    assert seen == [each["registration_id"] for each in newest]


def test_a_page_is_sent_again_only_if_it_has_changed(live: Live) -> None:
    for path in ("/suppliers", PAGE, f"{PAGE}/history/{names()[1]}"):
        first = live.client.get(path)
        known = {"If-None-Match": first.headers["etag"]}
        assert live.client.get(path, headers=known).status_code == 304
        other = live.client.get(f"{path}?as_of=1", headers=known)
        assert other.status_code in (200, 404)


def questions_of_pages(live: Live) -> list[int]:
    """Return how many queries pages make that show nothing, many suppliers, and a few."""
    asked: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = live.service.pools.questions._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        counts = []
        for path in (f"{PAGE}?name=nobody", PAGE, SAMPLE):
            asked.clear()
            assert live.client.get(path).status_code == 200
            counts.append(len(asked))
        return counts
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_page_asks_the_same_few_questions_however_many_rows_it_shows(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No query for each supplier, scenario or match."""
    counts = questions_of_pages(live)
    assert len(set(counts)) == 1
    assert counts[0] < 15
    # The negative control: a query for each supplier is counted.
    whole = supplier_capacity.distribution

    def one_by_one(connection: Connection, **names: str) -> Any:
        found = whole(connection, **names)
        assert found is not None
        for _ in found.shares:
            connection.scalar(select(1))
        return found

    monkeypatch.setattr(supplier_capacity, "distribution", one_by_one)
    assert len(set(questions_of_pages(live))) > 1


def test_a_page_looks_back(tmp_path: Path) -> None:
    with running(settings_in(tmp_path)) as live:
        with_sample(live)
        opened = live.service.log.head()
        assert live.book("R-1").status_code == 201
        head = live.service.log.head()
        history = f"{SAMPLE}/history/{SUPPLIER}"
        assert "<dd>1<span> slots</span></dd>" in live.client.get(f"{SAMPLE}?after={head}").text
        past = live.client.get(f"{SAMPLE}?as_of={opened}").text
        assert "<dd>0<span> slots</span></dd>" in past
        assert f"history/All%20Energy%20Solar?as_of={opened}" in past
        assert "R-1" not in past
        assert "R-1" in live.client.get(history).text
        assert "R-1" not in live.client.get(f"{history}?as_of={opened}").text
        assert "overlap_only" not in live.client.get("/suppliers?as_of=1").text
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        assert "as known then" in live.client.get(f"/suppliers?as_of={yesterday}").text


def test_a_picture_shows_the_suppliers_of_its_page(live: Live) -> None:
    answered = live.client.get(f"{PAGE}/picture.svg?name=Supplier%2000")
    assert answered.headers["content-type"] == "image/svg+xml"
    assert "Supplier 009" in answered.text
    assert "Supplier 010" not in answered.text
    assert live.client.get(f"{PAGE}/picture.svg?sort=x").status_code == 422


def test_who_has_no_key_is_asked_for_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, keys_fresh_seconds=1e-9)
    key = make_key(settings, "read", "write")
    with running(settings) as live:
        for path in ("/suppliers", PAGE, f"{PAGE}/history/x", f"{PAGE}/picture.svg", "/ledger"):
            answered = live.client.get(path)
            assert (answered.status_code, "/sign-in?to=" in answered.headers["location"]) == (
                303,
                True,
            )
        live.client.post("/sign-in", data={"key": key.secret})
        assert live.client.get("/suppliers").status_code == 200
