"""An answer that lacks something says so, from which position on."""

from typing import Any

from tests.support.ledgers import query
from tests.support.servers import MATCHES, SCENARIO


def test_answers_say_from_which_position_on_something_is_missing(both: Any) -> None:
    before = both.client.get(f"{SCENARIO}/capacity")
    assert "capacity-behind" not in before.headers
    poison = int(both.book("R-1").headers["capacity-position"]) + 1
    _append_unknown(both)
    position = both.book("R-2").headers["capacity-position"]
    answered = both.client.get(f"{MATCHES}/R-2", params={"after": position})
    assert answered.status_code == 200
    assert answered.headers["capacity-behind"] == str(poison)
    assert both.client.get("/v1/events").headers.get("capacity-behind") is None  # the ledger itself
    assert both.client.get("/readyz").status_code == 200
    both.service.projector.retry("supplier_capacity", position=poison, skip=True)
    assert "capacity-behind" not in both.client.get(f"{SCENARIO}/capacity").headers


def _append_unknown(live: Any) -> None:
    settings = live.service.settings
    columns = "(originator_id, originator_version, topic, state)"
    values = "('00000000000000000000000000000009', 1, 'suppliers.unheard_of', '{}')"
    url = settings.database_url or f"sqlite:///{settings.ledger_file}"
    query(url, f"INSERT INTO stored_events {columns} VALUES {values}")
