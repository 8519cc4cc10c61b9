"""What the addresses of the pages of suppliers say, both ways."""

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from interfaces.pages.ledger import LedgerQuery, read_ledger_query
from interfaces.pages.page_query import path_of
from interfaces.pages.supplier_query import (
    ScenarioQuery,
    ScenariosQuery,
    read_scenario_query,
    read_scenarios_query,
)

_NUMBERS = st.integers(1, 2**63 - 1)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
_DAYS = st.sampled_from(["", "2026-11-15", "417", "2026-03-02T09:30:00Z"])
QUERIES = st.builds(
    ScenarioQuery,
    name=_TEXTS,
    sort=st.sampled_from(["supplier", "capacity", "used", "room", "percent"]),
    order=st.sampled_from(["asc", "desc"]),
    page=_NUMBERS,
    matches=st.none() | _NUMBERS,
    as_of=_DAYS,
)


def said(address: str) -> list[tuple[str, str]]:
    return parse_qsl(address.partition("?")[2], keep_blank_values=True)


@given(QUERIES)
def test_an_address_says_all_that_is_chosen(query: ScenarioQuery) -> None:
    assert read_scenario_query(said(query.address("/page"))) == query


@given(st.builds(ScenariosQuery, page=_NUMBERS, as_of=_DAYS))
def test_so_does_that_of_all_scenarios(query: ScenariosQuery) -> None:
    assert read_scenarios_query(said(query.address("/page"))) == query


@given(st.builds(LedgerQuery, context=_TEXTS, before=st.none() | _NUMBERS))
def test_so_does_that_of_the_ledger(query: LedgerQuery) -> None:
    assert read_ledger_query(said(query.address())) == query


def test_what_is_usual_is_not_said() -> None:
    assert ScenarioQuery().address("/page") == "/page"
    assert read_scenario_query(said("?name=&sort=percent&order=desc&as_of=")) == ScenarioQuery()


def test_a_name_stays_one_segment_of_a_path() -> None:
    assert path_of("a/b", "c?d", "é #") == "/a%2Fb/c%3Fd/%C3%A9%20%23"
