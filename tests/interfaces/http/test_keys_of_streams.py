"""Open streams end with the key that opened them, on both stores."""

import contextlib
import os
import signal
from collections.abc import Iterator
from uuid import UUID

import pytest

from interfaces.http.admission import Admission
from tests.interfaces.http.conftest import settings_of
from tests.support.keys import MadeKey, make_key, revoke_key
from tests.support.servers import Live
from tests.support.streams import streaming


def test_a_stream_ends_with_the_key_that_opened_it(locked: Live) -> None:
    one, other = make_key(settings_of(locked)), make_key(settings_of(locked))
    with (
        streaming(locked.client, headers=one.headers) as ending,
        streaming(locked.client, headers=other.headers) as lasting,
    ):
        ending.begin()
        lasting.begin()
        revoke_key(settings_of(locked), one)
        assert {each.data["topic"] for each in ending} <= {"access.key_revoked"}
        locked.book("R-1", headers=other.headers)
        assert "suppliers.booked" in {each.data["topic"] for each in lasting.take(3)}


def test_without_the_guard_it_would_hear_more(
    locked: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(Admission, "_opens", lambda *_: True)
    one, other = make_key(settings_of(locked)), make_key(settings_of(locked))
    with streaming(locked.client, headers=one.headers) as stream:
        stream.begin()
        revoke_key(settings_of(locked), one)
        locked.book("R-1", headers=other.headers)
        assert "suppliers.booked" in {each.data["topic"] for each in stream.take(3)}


def test_a_stream_from_before_the_first_key_ends_with_it(locked: Live) -> None:
    with streaming(locked.client) as stream:
        stream.begin()
        make_key(settings_of(locked))
        assert {each.data["topic"] for each in stream} <= {"access.key_created"}


def test_the_stream_of_a_rebuild_ends_with_the_key_that_opened_it(locked: Live) -> None:
    one, other = (make_key(settings_of(locked), "read", "staff") for _ in range(2))
    with stopped_rebuild(locked, other) as location, watching(locked, location, one) as lines:
        revoke_key(settings_of(locked), one)
        assert "event: ended" not in list(lines)  # over, while the rebuild goes on
        looked = locked.client.get(location, headers=other.headers).json()
        assert looked["state"] == "running"


def test_without_the_guard_it_would_last_as_long_as_the_rebuild(
    locked: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(Admission, "_opens", lambda *_: True)
    one, other = (make_key(settings_of(locked), "read", "staff") for _ in range(2))
    with contextlib.ExitStack() as stopped:
        location = stopped.enter_context(stopped_rebuild(locked, other))
        with watching(locked, location, one) as lines:
            revoke_key(settings_of(locked), one)
            stopped.close()
            assert "event: ended" in list(lines)


@contextlib.contextmanager
def stopped_rebuild(live: Live, key: MadeKey) -> Iterator[str]:
    """Begin a rebuild, and stop its process until the end; return where it is looked at."""
    answer = live.client.post(
        "/v1/projections/supplier_capacity/rebuilds", headers=key.headers, json={}
    )
    assert answer.status_code == 202, answer.text
    jobs = live.server.config.app.state.rebuilds  # type: ignore[union-attr] # ours
    job = jobs.find(UUID(answer.json()["rebuild_id"]))
    while job._process is None:
        live.client.get("/healthz")
    os.kill(job._process.pid, signal.SIGSTOP)
    try:
        yield answer.headers["location"]
    finally:
        os.kill(job._process.pid, signal.SIGCONT)


@contextlib.contextmanager
def watching(live: Live, location: str, key: MadeKey) -> Iterator[Iterator[str]]:
    with live.client.stream("GET", f"{location}/events", headers=key.headers) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()
