"""What stands in the way of an answer as of an earlier moment."""

from pathlib import Path
from typing import Any

from interfaces.demo import LINE
from tests.support.waiting import wait_until

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"


def test_who_cannot_wait_for_a_past_is_told_to_come_again(start: Any, load_sample: Any) -> None:
    with start(past_wait_seconds=1e-9) as live:
        position = load_sample(live).book("R-1").headers["capacity-position"]
        late = live.client.get("/v1/lines", params={"as_of": position})
        assert (late.status_code, late.headers["retry-after"]) == (503, "2")
        assert late.json()["type"] == "/problems/past-not-ready"
        assert late.json()["retryable"] is True
        for _ in range(1_000):
            if (late := live.client.get("/v1/lines", params={"as_of": position})).is_success:
                break
        assert late.json()["lines"][0]["line"] == LINE


def test_a_past_that_is_made_keeps_nobody_else_waiting(start: Any, load_sample: Any) -> None:
    with start(past_wait_seconds=0.05, pasts_waiting=2) as live:
        position = int(load_sample(live).book("R-1").headers["capacity-position"])
        with live.service.pasts.files._making:  # as by a maker that takes its time
            asked = [{"as_of": str(position - each)} for each in (0, 1, 2)]
            late = [live.client.get("/v1/lines", params=each) for each in asked]
            types = [each.json()["type"] for each in late]
            assert types == [*["/problems/past-not-ready"] * 2, "/problems/too-many-pasts"]
            assert {each.headers["retry-after"] for each in late} == {"2"}
            assert live.client.get(f"{SCENARIO}/capacity").status_code == 200
            assert live.book("R-2").status_code == 201
        wait_until(lambda: live.client.get("/v1/lines", params=asked[0]).is_success)


def test_a_past_that_cannot_be_kept_is_named(start: Any, load_sample: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with start(past_dir=tmp_path / "file" / "past") as live:
        position = load_sample(live).book("R-1").headers["capacity-position"]
        failed = live.client.get("/v1/lines", params={"as_of": position})
        assert failed.status_code == 503
        assert failed.json()["type"] == "/problems/past-unavailable"
        assert f"The past at position {position} cannot be made" in failed.json()["detail"]
        assert live.client.get("/v1/lines").status_code == 200


def test_a_past_that_was_removed_is_made_again(live: Any) -> None:
    position = live.book("R-1").headers["capacity-position"]
    asked = {"as_of": position}
    before = live.client.get(f"{SCENARIO}/capacity", params=asked).content
    for each in live.service.settings.past_dir.iterdir():
        each.unlink()
    for past in live.service.pasts._open.values():
        past.engine.dispose()  # as if every connection had ended
    assert live.client.get(f"{SCENARIO}/capacity", params=asked).content == before


def test_many_who_ask_for_one_past_have_it_made_once(live: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    position = live.book("R-1").headers["capacity-position"]

    def ask(_: int) -> bytes:
        answered = live.client.get(f"{SCENARIO}/capacity", params={"as_of": position})
        assert answered.status_code == 200, answered.text
        return bytes(answered.content)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(40)))) == 1
    assert len(list(live.service.settings.past_dir.iterdir())) == 1
