"""Where the keys cannot be read, a server that has any lets nobody in."""

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from interfaces.settings import Settings
from tests.interfaces.http.conftest import ALWAYS_FRESH
from tests.support.keys import MadeKey, allowed, make_key
from tests.support.servers import running, settings_in, with_sample


def test_a_server_with_keys_lets_nobody_in_while_they_cannot_be_read(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    key = make_key(settings)
    with running(settings) as live:
        assert allowed(live, key)
        _rename(settings, "api_keys", "hidden")
        answered = live.client.get("/v1/events", headers=key.headers)
        assert (answered.status_code, answered.json()["retryable"]) == (503, True)
        assert live.client.get("/healthz").status_code == 200
        _rename(settings, "hidden", "api_keys")
        assert allowed(live, key)


def test_a_server_without_keys_goes_on(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    with running(settings) as live:
        _rename(settings, "api_keys", "hidden")
        assert live.client.get("/v1/events").status_code == 200


def _rename(settings: Settings, table: str, name: str) -> None:
    with sqlite3.connect(settings.views_file) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
    connection.close()


@pytest.mark.parametrize("made", [True, False])
def test_who_deletes_the_read_models_opens_no_door(tmp_path: Path, made: bool) -> None:
    """Until they are made again the ledger says whether there are keys."""
    settings = settings_in(tmp_path, **ALWAYS_FRESH)
    with running(settings) as live:
        with_sample(live)
    key = make_key(settings) if made else MadeKey(UUID(int=0), "cap_" + 43 * "x")
    for each in tmp_path.glob("capacity.views.db*"):
        each.unlink()
    with running(settings, projector=None) as live:  # and so nobody makes them
        assert live.client.get("/v1/events").status_code == (401 if made else 200)
        known = live.client.get("/v1/events", headers=key.headers)
        assert known.status_code == (503 if made else 200)
        live.service.projector.catch_up()
        assert live.client.get("/v1/events").status_code == (401 if made else 200)
        assert live.client.get("/v1/events", headers=key.headers).status_code == 200
