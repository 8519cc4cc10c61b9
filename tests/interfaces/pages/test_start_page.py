"""The start page, on each store: what it says of each context, and where it leads."""

import re
from collections.abc import Iterator

import pytest

from interfaces.settings import Settings
from tests.support.plans import planned
from tests.support.report_plans import NOW, report_plan
from tests.support.servers import Live, running, with_sample

API = "/v1/reports/role-capacity"


@pytest.fixture(scope="module")
def live(each_store: Settings) -> Iterator[Live]:
    """A plan and the sample line."""
    with running(planned(each_store, report_plan()), clock=lambda: NOW) as server:
        found = with_sample(server)
        found.client.get("/v1/lines", params={"after": found.service.log.head()})
        yield found


def test_the_start_page_has_a_headline_for_each_context(live: Live) -> None:
    text = re.sub(r"<[^>]+>", " ", live.client.get("/").text)
    said = re.sub(r"\s+", " ", text)
    report = live.client.get(API, params={"weeks": 1}).json()
    people = sum(each["people"][0] for each in report["series"])
    assert f"People {people} " in said
    assert f"{live.service.log.head()} is the newest position" in said
    assert "0 of 200 slots are used" in said
    assert "Lines 1 Scenarios 1 Suppliers over capacity 0" in said


def test_each_headline_leads_to_its_page(live: Live) -> None:
    text = live.client.get("/").text
    found = re.findall(r'<h2><a href="([^"]+)">', text)
    assert found == ["/reports/role-capacity", "/suppliers", "/ledger"]
    for each in found:
        answered = live.client.get(each)
        assert answered.status_code == 200
        assert f'<a href="{each}" aria-current="page">' in answered.text
