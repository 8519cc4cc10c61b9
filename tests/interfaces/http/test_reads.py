"""Questions show what was written before them, page by page, and say at which position."""

import asyncio
from typing import Any
from uuid import UUID

from interfaces.demo import LINE
from tests.support.asynchronous import until
from tests.support.ledgers import query

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCHES = f"{SCENARIO}/matches"
SUPPLIER, OTHER = "All Energy Solar", "iSoalr"


def test_reads_show_the_write_whose_position_they_name(both: Any) -> None:
    for number in range(1, 21):
        position = both.book(f"R-{number}").headers["capacity-position"]
        shown = both.client.get(f"{SCENARIO}/capacity", params={"after": position})
        assert shown.json()[SUPPLIER]["Used"] == number
        assert int(shown.headers["capacity-position"]) >= int(position)
    newest = both.client.get(SCENARIO, headers={"Prefer": "respond-async, wait=5"})
    assert newest.json()["suppliers"][0]["used"] == 20


def test_reads_that_cannot_show_a_position_in_time_say_so(start: Any, load_sample: Any) -> None:
    with start(projector=None, wait_seconds=0.01) as live:
        load_sample(live)
        position = live.book("R-1").headers["capacity-position"]
        for asked in ({"params": {"after": position}}, {"headers": {"Prefer": "wait=1"}}):
            late = live.client.get("/v1/lines", **asked)
            assert (late.status_code, late.headers["retry-after"]) == (503, "1")
            assert late.json()["type"] == "/problems/not-yet-visible"
            assert late.json()["retryable"] is True
        never = live.client.get("/v1/lines", params={"after": int(position) + 1})
        assert (never.status_code, never.json()["errors"][0]["pointer"]) == (422, "/after")


def test_the_capacity_document_is_the_file(both: Any) -> None:
    position = both.book("R-1").headers["capacity-position"]
    shown = both.client.get(f"{SCENARIO}/capacity", params={"after": position})
    # What the projector has applied is marked for the writer, which writes it before it ends.
    service = both.service
    service.capacity_files.write(LINE, "overlap_only")
    path = service.settings.data_dir / LINE / "capacity" / "overlap_only.json"
    assert path.read_bytes() == shown.content
    known = {"If-None-Match": f'"x", {shown.headers["etag"]}'}
    unchanged = both.client.get(f"{SCENARIO}/capacity", headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    position = both.book("R-2").headers["capacity-position"]
    changed = both.client.get(f"{SCENARIO}/capacity", params={"after": position}, headers=known)
    assert (changed.status_code, changed.json()[SUPPLIER]["Used"]) == (200, 2)


def test_matches_are_paged(both: Any) -> None:
    said = [
        {"registration_id": f"R-{number:02}", "supplier_id": [SUPPLIER, OTHER][number % 2]}
        for number in range(25)
    ]
    position = both.client.post(MATCHES, json=said).headers["capacity-position"]
    page = both.client.get(MATCHES, params={"limit": 10, "after": position}).json()
    begun_at, found = page["begun_at_position"], page["matches"]
    both.book("R-99")
    while page["next"]:
        page = both.client.get(page["next"], headers={"Prefer": "wait=5"}).json()
        assert page["begun_at_position"] == begun_at
        found += page["matches"]
    ids = [each["registration_id"] for each in found]
    assert ids == [f"R-{number:02}" for number in range(25)] + ["R-99"]
    held = both.client.get(MATCHES, params={"supplier": OTHER, "limit": 5}).json()
    assert {each["supplier_id"] for each in held["matches"]} == {OTHER}
    assert len(both.client.get(held["next"]).json()["matches"]) == 5
    stray = held["next"].replace("iSoalr", "x")
    assert both.client.get(stray).status_code == 422


def test_released_matches_are_shown_on_request(live: Any) -> None:
    live.book("R-1")
    position = live.client.delete(f"{MATCHES}/R-1").headers["capacity-position"]
    assert live.client.get(MATCHES, params={"after": position}).json()["matches"] == []
    shown = live.client.get(MATCHES, params={"include_released": "true"}).json()["matches"]
    assert [each["status"] for each in shown] == ["released"]


def test_what_was_counted_before_a_reset_stays_readable(both: Any) -> None:
    for number in range(3):
        both.book(f"R-{number}")
    both.client.post(f"{SCENARIO}/reset")
    position = both.book("R-9").headers["capacity-position"]
    query = {"after": position, "reset_number": 0, "limit": 2}
    first = both.client.get(MATCHES, params=query).json()
    second = both.client.get(first["next"]).json()
    before = [(each["registration_id"], each["reset_number"]) for each in first["matches"]]
    before += [(each["registration_id"], each["reset_number"]) for each in second["matches"]]
    assert before == [("R-0", 0), ("R-1", 0), ("R-2", 0)]
    assert second["next"] is None
    now = both.client.get(MATCHES).json()["matches"]
    assert [(each["registration_id"], each["reset_number"]) for each in now] == [("R-9", 1)]
    assert both.client.get(MATCHES, params={"reset_number": 1}).json()["matches"] == now
    late = both.client.get(MATCHES, params={"reset_number": 2})
    assert (late.status_code, late.json()["errors"]) == (
        422,
        [{"pointer": "/reset_number", "detail": "found 2, the current count is 1"}],
    )
    stray = first["next"].replace("reset_number=0", "reset_number=1")
    assert both.client.get(stray).status_code == 422


def test_the_feed_tells_everything_in_order(both: Any) -> None:
    cause = str(UUID(int=7))
    both.book(
        "R-1",
        headers={
            "Capacity-Actor": "ada",
            "Capacity-On-Behalf-Of": "charles",
            "Capacity-Reason": "by letter",
            "Capacity-Correlation-Id": str(UUID(int=8)),
            "Capacity-Causation-Id": cause,
        },
    )
    everything = both.events()
    positions = [each["position"] for each in everything]
    assert positions == sorted(set(positions))
    assert {each["context"] for each in everything} == {"suppliers"}
    booked = both.events(topic="suppliers.booked")
    assert len(booked) == 1
    event = booked[0]
    assert (event["actor"], event["on_behalf_of"], event["reason"]) == (
        "ada",
        "charles",
        "by letter",
    )
    assert (event["causation_id"], event["correlation_id"]) == (cause, str(UUID(int=8)))
    assert event["data"]["registration_id"] == "R-1"
    assert event in everything
    paged, after = [], 0
    while True:
        page = both.client.get("/v1/events", params={"after": after, "limit": 2}).json()
        if not page["events"]:
            break
        paged += page["events"]
        after = page["next"]
    assert paged == everything
    ahead = both.client.get("/v1/events", params={"topic": "suppliers.released"}).json()
    assert (ahead["events"], ahead["next"]) == ([], positions[-1])
    assert both.events(context="suppliers") == everything


def test_the_command_of_an_event_is_the_request_that_asked(live: Any) -> None:
    booked = live.book("R-1")
    event = live.events(topic="suppliers.booked")[0]
    assert event["command_id"] == booked.headers["x-request-id"]


def test_history_is_paged(live: Any) -> None:
    live.client.post(
        MATCHES, json=[{"registration_id": f"R-{i}", "supplier_id": SUPPLIER} for i in range(12)]
    )
    path = f"{SCENARIO}/suppliers/{SUPPLIER}/history"
    whole = live.client.get(path).json()
    assert (len(whole["events"]), whole["next"]) == (13, None)
    found, follow = [], f"{path}?limit=5"
    while follow:
        page = live.client.get(follow).json()
        found += page["events"]
        follow = page["next"]
    assert found == whole["events"]
    assert [each["state"]["used"] for each in found] == list(range(13))


def test_the_distribution_compares_shares(both: Any) -> None:
    position = both.client.post(
        MATCHES,
        json=[
            {"registration_id": f"R-{i}", "supplier_id": SUPPLIER, "zip_code": "55447"}
            for i in range(4)
        ],
    ).headers["capacity-position"]
    shown = both.client.get(f"{SCENARIO}/distribution", params={"after": position}).json()
    assert shown["shared_zip_codes"] == ["55407", "55419", "55447"]
    shares = {each["supplier_id"]: each for each in shown["shares"]}
    assert (shares[SUPPLIER]["actual_share"], shares[SUPPLIER]["expected_share"]) == (1.0, 0.35)


def test_lines_and_scenarios_lead_to_each_other(live: Any) -> None:
    line = live.client.get("/v1/lines", headers={"Prefer": "wait=5"}).json()["lines"][0]
    assert live.client.get(line["offers"]).status_code == 200
    listed = live.client.get(line["scenarios"]).json()["scenarios"]
    shown = live.client.get(listed[0]["link"]).json()
    assert (shown["scenario"], shown["publication"]) == ("overlap_only", 1)
    for link in shown["links"].values():
        assert live.client.get(link).status_code == 200


def test_nothing_that_was_set_is_gone_after_a_restart(start: Any, load_sample: Any) -> None:
    """Defaults vanished at a reload, and topics depended on which script had been started."""
    paths = (
        f"/v1/lines/{LINE}/aliases",
        f"/v1/lines/{LINE}/scenarios",
        f"/v1/lines/{LINE}/offers/publications",
        SCENARIO,
        f"/v1/lines/{LINE}/scenarios/elsewhere",
        f"{SCENARIO}/capacity",
        f"{SCENARIO}/distribution",
        MATCHES,
        f"{SCENARIO}/suppliers/{OTHER}/history",
        "/v1/events",
    )
    newest = {"Prefer": "wait=5"}
    with start() as live:
        load_sample(live)
        live.client.put(f"/v1/lines/{LINE}/aliases", json={"aliases": {"iSolar": OTHER}})
        moved = {"capacity_file": "by/hand.json"}
        live.client.post(f"/v1/lines/{LINE}/scenarios/elsewhere", json=moved)
        live.book("R-1", "iSolar")
        before = {path: _asked(live, path, newest) for path in paths}
    with start() as live:
        assert {path: _asked(live, path, newest) for path in paths} == before
        assert live.book("R-2", "iSolar").json()["supplier_id"] == OTHER
        opened = live.client.post(f"/v1/lines/{LINE}/scenarios/elsewhere", json=moved)
        assert (opened.status_code, opened.json()["changed"]) == (200, False)
        other = live.client.post(f"/v1/lines/{LINE}/scenarios/elsewhere")
        assert other.json()["type"] == "/problems/scenario-opened-differently"


def _asked(live: Any, path: str, headers: dict[str, str]) -> str:
    answered = live.client.get(path, headers=headers)
    assert answered.status_code == 200
    text: str = answered.text
    return text


def test_what_a_restored_ledger_no_longer_holds_is_not_answered(
    start: Any, load_sample: Any, postgres_url: str
) -> None:
    """The ledger is put back under a running server, which nobody should do."""
    with start(database_url=postgres_url) as live:
        load_sample(live)
        head = int(live.client.get("/v1/events").headers["capacity-position"])
        position = live.book("R-1").headers["capacity-position"]
        capacity = f"{SCENARIO}/capacity"
        assert live.client.get(capacity, params={"after": position}).status_code == 200
        query(postgres_url, f"DELETE FROM stored_events WHERE notification_id > {head}")
        query(postgres_url, f"DELETE FROM append_groups WHERE position > {head}")
        asyncio.run(until(lambda: live.client.get("/readyz").status_code == 503))
        answer = live.client.get(capacity)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/ahead-of-ledger")
        assert "`capacity recover` mends them" in answer.json()["detail"]
