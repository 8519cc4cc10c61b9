"""ETag and If-Match: what was seen is what is decided on, else 412 tells what was missed."""

import threading
from typing import Any

import httpx
import pytest

from interfaces.demo import LINE

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCH = f"{SCENARIO}/matches/R-1"
ALIASES = f"/v1/lines/{LINE}/aliases"
OFFERS = f"/v1/lines/{LINE}/offers"
SUPPLIER, OTHER = "All Energy Solar", "iSoalr"
TO_OTHER = {"supplier_id": OTHER}
NEW_ALIASES = {"aliases": {"AES": SUPPLIER}}
NEW_OFFERS = {"SupplierOffers": [{"SupplierID": SUPPLIER, "Capacity": 9}]}

# Method, path and body of each command that honours If-Match; where its ETag is found; the ETag
# before and after it, once R-1 is booked and new offers are published.
COMMANDS: dict[str, tuple[str, str, Any, str, str, str]] = {
    "release": ("DELETE", MATCH, None, MATCH, '"1"', '"2"'),
    "reassign": ("POST", f"{MATCH}/reassign", TO_OTHER, MATCH, '"1"', '"2"'),
    "resync": ("POST", f"{SCENARIO}/resync", None, SCENARIO, '"1"', '"2"'),
    "reset": ("POST", f"{SCENARIO}/reset", None, SCENARIO, '"1"', '"2"'),
    "aliases": ("PUT", ALIASES, NEW_ALIASES, ALIASES, '"0"', '"1"'),
}


def _ready(live: Any) -> Any:
    assert live.book("R-1").headers["etag"] == '"1"'
    assert live.client.put(OFFERS, json=NEW_OFFERS).status_code == 201
    return live


def _ask(live: Any, name: str, if_match: str, **options: Any) -> httpx.Response:
    method, path, body, *_ = COMMANDS[name]
    headers = {"If-Match": if_match} | options.pop("headers", {})
    answered: httpx.Response = live.client.request(
        method, path, json=body, headers=headers, **options
    )
    return answered


def _see(live: Any, path: str, **headers: str) -> httpx.Response:
    newest = {"Prefer": "wait=20"} | headers
    seen: httpx.Response = live.client.get(path, headers=newest)
    return seen


def _failed(answered: httpx.Response) -> list[dict[str, Any]]:
    assert answered.status_code == 412, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    assert "etag" not in answered.headers
    problem = answered.json()
    assert problem["type"] == "/problems/precondition-failed"
    assert problem["retryable"] is False
    missed: list[dict[str, Any]] = problem["missed"]
    return missed


@pytest.mark.parametrize("name", COMMANDS)
def test_what_was_seen_is_decided_on(both: Any, name: str) -> None:
    *_, path, before, after = COMMANDS[name]
    _ready(both)
    seen = _see(both, path)
    assert (seen.status_code, seen.headers["etag"]) == (200, before)
    done = _ask(both, name, seen.headers["etag"])
    assert (done.status_code, done.headers["etag"]) == (200, after)
    if name != "reset":
        assert _see(both, path).headers["etag"] == after


@pytest.mark.parametrize("name", COMMANDS)
def test_who_saw_something_else_is_told_what_was_missed(live: Any, name: str) -> None:
    *_, before, after = COMMANDS[name]
    _ready(live)
    who = {"Capacity-Actor": "ada", "Capacity-Reason": "by phone"}
    first = _ask(live, name, before, headers=who)
    assert first.status_code == 200, first.text
    stored = live.events()
    missed = _failed(_ask(live, name, before))
    recorded = [
        each
        for each in stored
        if each["actor"] == "ada"
        and not each["topic"].startswith(("suppliers.slot_", "suppliers.capacity_"))
    ]
    names = ("position", "topic", "version", "recorded_at", "actor", "reason")
    shown = [{name: each[name] for name in names} for each in missed]
    assert shown == [{name: each[name] for name in names} for each in recorded]
    assert [(each["actor"], each["reason"]) for each in missed] == [("ada", "by phone")]
    assert f'"{missed[-1]["version"]}"' == after
    assert live.events() == stored


def test_only_the_first_hundred_of_what_was_missed_are_listed(live: Any) -> None:
    for _ in range(102):
        assert live.client.post(f"{SCENARIO}/reset").status_code == 200
    missed = _failed(_ask(live, "reset", '"1"'))
    assert [each["version"] for each in missed] == list(range(2, 102))


def test_a_version_of_the_future_has_missed_nothing(both: Any) -> None:
    _ready(both)
    for version in (7, 2**63 - 1):
        assert _failed(_ask(both, "release", f'"{version}"')) == []
    assert both.used() == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_any_version_will_do_as_long_as_there_is_one(live: Any, name: str) -> None:
    _ready(live)
    if name == "aliases":
        assert _failed(_ask(live, name, "*")) == []
        assert _ask(live, name, '"0"').status_code == 200
    assert _ask(live, name, "*").status_code == 200


@pytest.mark.parametrize("name", ["release", "reassign"])
def test_what_there_never_was_is_not_found_all_the_same(live: Any, name: str) -> None:
    for if_match in ('"1"', "*"):
        answered = _ask(live, name, if_match)
        assert (answered.status_code, answered.json()["type"]) == (
            404,
            "/problems/booking-not-found",
        )


MALFORMED = ["", "1", '"one"', '"1', '"01"', '"-1"', '"1.0"', 'W/"1"', '"1", "2"', '""', "**"]


@pytest.mark.parametrize("if_match", [*MALFORMED, f'"{2**63}"', f'"{"9" * 400}"', '"¹"'])
def test_what_cannot_be_read_is_refused_and_not_guessed(shared: Any, if_match: str) -> None:
    for name in COMMANDS:
        answered = _ask(shared, name, if_match.encode())  # type: ignore[arg-type] # httpx takes it
        assert answered.status_code == 422, answered.text
        problem = answered.json()
        assert problem["errors"][0]["pointer"] == "/If-Match"
        assert 'such as "7", or *' in problem["detail"]


def test_if_match_may_not_stand_twice(shared: Any) -> None:
    headers = [("If-Match", '"1"'), ("If-Match", '"2"')]
    assert shared.client.post(f"{SCENARIO}/reset", headers=headers).status_code == 422


def test_a_route_that_is_not_about_one_thing_takes_no_precondition(shared: Any) -> None:
    booking = {"registration_id": "R-1", "supplier_id": SUPPLIER}
    for method, path, body in (
        ("POST", f"{SCENARIO}/matches", booking),
        ("POST", f"{SCENARIO}/matches", [booking]),
        ("POST", f"{SCENARIO}/choose", {"registrations": [{"registration_id": "R-1"}]}),
        ("PUT", OFFERS, NEW_OFFERS),
        ("POST", SCENARIO, None),
    ):
        answered = shared.client.request(method, path, json=body, headers={"If-Match": "*"})
        assert answered.status_code == 412
        assert answered.json()["type"] == "/problems/precondition-not-supported"


def test_of_two_at_once_that_saw_the_same_one_is_done(both: Any) -> None:
    assert _at_once(both, {"If-Match": '"1"'}) == [200, 412]
    assert len(both.events(topic="suppliers.scenario_reset")) == 1
    # The negative control: of two that do not say what they saw, both are done.
    assert _at_once(both, {}) == [200, 200]
    assert len(both.events(topic="suppliers.scenario_reset")) == 3


def _at_once(live: Any, headers: dict[str, str]) -> list[int]:
    together, answers = threading.Barrier(2), []

    def call() -> None:
        with httpx.Client(base_url=live.client.base_url, timeout=30) as client:
            together.wait()
            answers.append(client.post(f"{SCENARIO}/reset", headers=headers).status_code)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


# Beside keys and trials.


def test_a_precondition_that_failed_leaves_the_key_free(both: Any) -> None:
    _ready(both)
    key = {"Idempotency-Key": "order 66"}
    _failed(_ask(both, "release", '"7"', headers=key))
    done = _ask(both, "release", '"1"', headers=key)
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    assert "idempotency-replayed" not in done.headers


def test_a_repeat_is_answered_as_before_though_the_version_moved(both: Any) -> None:
    """By its own first try: to be told 412 now would be to be told that it was not done."""
    _ready(both)
    key = {"Idempotency-Key": "order 66"}
    done = _ask(both, "release", '"1"', headers=key)
    again = _ask(both, "release", '"1"', headers=key)
    assert (again.status_code, again.content) == (done.status_code, done.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "etag" not in again.headers
    _failed(_ask(both, "release", '"1"'))


def test_a_trial_is_decided_on_what_was_seen_too(live: Any) -> None:
    _ready(live)
    trial = {"dry_run": "true"}
    tried = _ask(live, "release", '"1"', params=trial)
    assert (tried.status_code, tried.json()["dry_run"]) == (200, True)
    assert "etag" not in tried.headers
    refused = _ask(live, "release", '"7"', params=trial)
    assert _failed(refused) == []
    assert (refused.json()["dry_run"], refused.json()["events"]) == (True, [])


# What the tags say.


def test_a_registration_of_a_new_count_is_not_what_was_seen(both: Any) -> None:
    """Its versions begin at 1 again: another supplier's booking must not pass for the first."""
    _ready(both)
    assert _see(both, MATCH).headers["etag"] == '"1"'
    both.client.post(f"{SCENARIO}/reset")
    booked = both.book("R-1", OTHER)
    assert booked.headers["etag"] == '"1.1"'
    seen = _see(both, MATCH, **{"If-None-Match": '"1"'})
    assert (seen.status_code, seen.headers["etag"]) == (200, '"1.1"')
    missed = _failed(_ask(both, "release", '"1"'))
    assert [each["topic"] for each in missed] == ["suppliers.booked"]
    assert _ask(both, "release", '"1.1"').headers["etag"] == '"2.1"'
    _failed(_ask(both, "resync", '"2.1"'))  # a scenario has no counts of its own


@pytest.mark.parametrize("path", [MATCH, ALIASES])
def test_what_was_seen_is_not_sent_again(live: Any, path: str) -> None:
    _ready(live)
    tag = _see(live, path).headers["etag"]
    known = _see(live, path, **{"If-None-Match": tag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    _ask(live, "aliases" if path == ALIASES else "reassign", tag)
    assert _see(live, path, **{"If-None-Match": tag}).status_code == 200


def test_a_scenario_is_always_shown_for_its_version_says_nothing_of_what_is_used(
    live: Any,
) -> None:
    tag = _see(live, SCENARIO).headers["etag"]
    live.book("R-1")
    seen = _see(live, SCENARIO, **{"If-None-Match": tag})
    assert (seen.status_code, seen.headers["etag"]) == (200, tag)
    used = {each["supplier_id"]: each["used"] for each in seen.json()["suppliers"]}
    assert used[SUPPLIER] == 1
