"""/freshz and /metrics: a projector that is dead, behind or stuck is never reported healthy."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from projections.catalogue import PROJECTIONS
from projections.leases import acquire, projection_leases, this_process
from projections.turns import FOLLOWING
from tests.support.ledgers import query
from tests.support.servers import MATCHES

NAMES = [each.name for each in PROJECTIONS]


def fresh(live: Any) -> tuple[int, list[str]]:
    answered = live.client.get("/freshz")
    return answered.status_code, [fault["problem"] for fault in answered.json()["faults"]]


def shown(live: Any, name: str) -> dict[str, float]:
    text = live.client.get("/metrics").text
    return {
        "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def settle(live: Any) -> None:
    position = live.book("R-1").headers["capacity-position"]
    assert live.client.get(f"{MATCHES}/R-1", params={"after": position}).status_code == 200


def test_it_is_fresh_while_somebody_follows(both: Any) -> None:
    settle(both)
    assert fresh(both) == (200, [])
    (runner,) = both.client.get("/freshz").json()["runners"]
    assert (runner["name"], runner["held"]) == (FOLLOWING, True)
    assert runner["holder"] == str(this_process())
    assert shown(both, "capacity_runner_up") == {FOLLOWING: 1}
    assert 0 <= shown(both, "capacity_runner_heartbeat_seconds")[FOLLOWING] < 10


def test_it_is_not_when_nobody_does_though_there_is_nothing_to_apply(both: Any) -> None:
    settle(both)
    both.service.projector.stop()
    assert shown(both, "capacity_projection_lag_seconds") == dict.fromkeys(NAMES, 0)
    status, problems = fresh(both)
    assert status == 503
    assert problems[0].startswith("nobody follows the ledger; process ")
    assert shown(both, "capacity_runner_up") == {FOLLOWING: 0}


def test_it_is_not_when_the_heartbeat_has_stopped(both: Any) -> None:
    """As when the process was killed, and its lease has lapsed."""
    settle(both)
    both.service.projector.stop()
    projector = both.service.projector
    with projector._engine.begin() as connection:
        acquire(connection, FOLLOWING, holder=this_process())
    assert fresh(both)[0] == 200  # the negative control: a lease that lives is a heartbeat
    with projector._engine.begin() as connection:
        connection.execute(update(projection_leases).values(until_us=1))
    assert fresh(both)[0] == 503


def test_it_is_fresh_while_a_rebuild_runs_beside(both: Any) -> None:
    settle(both)
    with both.service.projector._engine.begin() as connection:
        acquire(connection, "rebuild supplier_capacity", holder=this_process(), ttl_seconds=0)
    assert fresh(both) == (200, [])


def test_it_is_not_while_events_are_parked(both: Any) -> None:
    settle(both)
    settings = both.service.settings
    url = settings.database_url or f"sqlite:///{settings.ledger_file}"
    values = "('00000000000000000000000000000009', 1, 'suppliers.unheard_of', '{}')"
    columns = "(originator_id, originator_version, topic, state)"
    query(url, f"INSERT INTO stored_events {columns} VALUES {values}")
    position = both.book("R-2").headers["capacity-position"]
    assert both.client.get(f"{MATCHES}/R-2", params={"after": position}).status_code == 200
    status, problems = fresh(both)
    assert (status, len(problems)) == (503, len(NAMES))  # nobody knows which of them wanted it
    assert all("events parked: 1, the first at position" in each for each in problems)
    assert shown(both, "capacity_projection_parked_events") == dict.fromkeys(NAMES, 1)


def test_it_is_not_when_it_is_too_far_behind(start: Any, load_sample: Any) -> None:
    with start(fresh_seconds=1e-6) as live:
        load_sample(live)
        settle(live)
        assert fresh(live) == (200, [])
        projector = live.service.projector
        projector.stop()
        live.book("R-2")
        status, problems = fresh(live)
        assert status == 503
        assert any("2 events and" in each for each in problems)
        assert shown(live, "capacity_projection_lag_events") == dict.fromkeys(NAMES, 2)


def test_verifications_and_appends_are_measured(both: Any) -> None:
    settle(both)
    assert shown(both, "capacity_projection_verified_timestamp_seconds") == dict.fromkeys(NAMES, 0)
    both.service.projector.verify()
    assert shown(both, "capacity_projection_verified_timestamp_seconds")["supplier_capacity"] > 1e9
    groups = shown(both, "capacity_ledger_groups_total")[""]
    assert shown(both, "capacity_append_seconds_count") == {"": groups}
    assert shown(both, "capacity_append_seconds_sum")[""] > 0
