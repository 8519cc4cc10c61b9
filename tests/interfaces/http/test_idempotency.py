"""A command said twice under one key is done once, and answered byte for byte the same."""

import threading
from collections.abc import Callable
from typing import Any

import httpx

from interfaces.demo import LINE

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCHES = f"{SCENARIO}/matches"
SUPPLIER = "All Energy Solar"
KEY = {"Idempotency-Key": "order 66"}


def _same(first: httpx.Response, second: httpx.Response) -> None:
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert (second.status_code, second.content) == (first.status_code, first.content)
    for header in ("content-type", "location", "capacity-position"):
        assert second.headers.get(header) == first.headers.get(header)


def test_a_repeat_gets_the_first_answer_byte_for_byte(both: Any) -> None:
    first = both.book("R-1", headers=KEY)
    assert first.status_code == 201
    _same(first, both.book("R-1", headers=KEY))
    assert both.used() == 1


def test_a_refusal_is_kept_too(live: Any) -> None:
    first = live.book("R-1", "Nobody", headers=KEY)
    assert first.status_code == 404
    _same(first, live.book("R-1", "Nobody", headers=KEY))


def test_what_is_not_naturally_once_is_done_once(both: Any) -> None:
    """A reset counts up each time: a key that is accepted and not enforced shows here."""
    for _ in range(3):
        answered = both.client.post(f"{SCENARIO}/reset", headers=KEY)
        assert (answered.status_code, answered.json()["reset_number"]) == (200, 1)
    # The negative control: without the key, and with another, the same request is done again.
    assert both.client.post(f"{SCENARIO}/reset").json()["reset_number"] == 2
    other = {"Idempotency-Key": "order 67"}
    assert both.client.post(f"{SCENARIO}/reset", headers=other).json()["reset_number"] == 3


def test_a_repeat_is_known_after_a_restart(
    start: Callable[..., Any], load_sample: Callable[[Any], Any], postgres_url: str
) -> None:
    for url in ("", postgres_url):
        with start(database_url=url) as live:
            load_sample(live)
            first = live.book("R-1", headers=KEY)
            assert first.status_code == 201
        with start(database_url=url) as live:
            _same(first, live.book("R-1", headers=KEY))
            assert live.used() == 1


def test_a_key_belongs_to_one_request_of_one_caller(live: Any) -> None:
    live.book("R-1", headers=KEY)
    reused = live.book("R-2", headers=KEY)
    assert reused.status_code == 422
    assert reused.json()["type"] == "/problems/idempotency-key-reused"
    assert live.book("R-2", headers=KEY | {"Capacity-Actor": "somebody else"}).status_code == 201
    elsewhere = live.client.post(f"{SCENARIO}/resync", headers=KEY)
    assert elsewhere.status_code == 200
    assert live.used() == 2


def test_input_that_was_refused_unseen_leaves_the_key_free(live: Any) -> None:
    assert live.book("", headers=KEY).status_code == 422
    path = f"/v1/lines/{LINE}/offers"
    assert live.client.put(path, json={"SupplierOffers": []}, headers=KEY).status_code == 422
    document = {"SupplierOffers": [{"SupplierID": SUPPLIER, "Capacity": 1}]}
    assert live.client.put(path, json=document, headers=KEY).status_code == 201
    assert live.book("R-1", headers=KEY).status_code == 201


def test_the_same_key_at_once_is_done_once(both: Any) -> None:
    """While the first runs the others are told to wait, or get its answer; one reset is done."""
    callers = 8
    together, answers = threading.Barrier(callers), []

    def call() -> None:
        with httpx.Client(base_url=both.client.base_url, timeout=30) as client:
            together.wait()
            answers.append(client.post(f"{SCENARIO}/reset", headers=KEY))

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == callers
    done = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.content for answer in done}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in done) == 1
    for answer in answers:
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/still-running")
            assert answer.json()["retryable"] is True
            assert answer.headers["retry-after"] == "1"
    assert len(both.events(topic="suppliers.scenario_reset")) == 1


def test_a_trial_decides_and_stores_nothing(both: Any) -> None:
    before = both.events()
    trial = both.book("R-1", params={"dry_run": "true"}, headers=KEY)
    assert trial.status_code == 201
    assert "location" not in trial.headers
    answer = trial.json()
    assert (answer["dry_run"], answer["status"], answer["used"]) == (True, "booked", 1)
    topics = [each["topic"] for each in answer["events"]]
    assert sorted(topics) == ["suppliers.booked", "suppliers.slot_booked"]
    assert answer["events"][0]["actor"] == "local"
    assert both.events() == before
    real = both.book("R-1", headers=KEY)  # the trial did not use up the key
    assert (real.status_code, real.json()["used"]) == (201, 1)
    refused = both.book("R-1", "iSoalr", params={"dry_run": "true"})
    assert (refused.status_code, refused.json()["events"]) == (409, [])


def test_every_command_can_be_tried(live: Any) -> None:
    live.book("R-1")
    before = live.events()
    trial = {"dry_run": "true"}
    client, line = live.client, f"/v1/lines/{LINE}"
    document = {"SupplierOffers": [{"SupplierID": SUPPLIER, "Capacity": 1}]}
    choice = {"registrations": [{"registration_id": "R-9", "zip_code": "55447"}]}
    answers = [
        client.put(f"{line}/offers", json=document, params=trial),
        client.put(f"{line}/aliases", json={"aliases": {"x": SUPPLIER}}, params=trial),
        client.post(f"{line}/scenarios/new", params=trial),
        client.post(f"{SCENARIO}/resync", params=trial),
        client.post(f"{SCENARIO}/reset", params=trial),
        client.post(f"{SCENARIO}/choose", json=choice, params=trial),
        client.post(f"{MATCHES}/R-1/reassign", json={"supplier_id": "iSoalr"}, params=trial),
        client.delete(f"{MATCHES}/R-1", params=trial),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201), answer.text
        assert answer.json()["dry_run"] is True
    assert [bool(each.json()["events"]) for each in answers] == [True] * 3 + [False] + [True] * 4
    assert live.events() == before
