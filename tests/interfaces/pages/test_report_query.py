"""What the address of the report page says, both ways."""

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from interfaces.pages.report_query import TIMEFRAMES, ReportQuery, read_query

_IDS = st.integers(0, 2**63 - 1)
_SUNDAYS = st.integers(0, 2_000).map(
    lambda week: date.fromordinal(735_000 - 735_000 % 7 + 7 * week)
)
QUERIES = st.builds(
    ReportQuery,
    department=st.none() | _IDS,
    vertical=st.none() | _IDS,
    weeks=st.sampled_from(TIMEFRAMES),
    start=st.none() | _SUNDAYS,
    unit=st.sampled_from(["hours", "percent"]),
    layout=st.sampled_from(["each", "together"]),
    role_ids=st.none() | st.sets(_IDS, max_size=5).map(lambda found: tuple(sorted(found))),
    include_tentative=st.booleans(),
    as_of=st.sampled_from(["", "2026-11-15", "417", "2026-03-02T09:30:00Z"]),
)


def read(text: str) -> ReportQuery:
    return read_query(parse_qsl(text, keep_blank_values=True))


@given(QUERIES)
def test_an_address_says_all_that_is_chosen(query: ReportQuery) -> None:
    assert read(query.address("/page").partition("?")[2]) == query


def test_what_is_usual_is_not_said() -> None:
    assert ReportQuery().address("/page") == "/page"
    assert read("weeks=12&unit=hours&layout=each&department=&as_of=&start=") == ReportQuery()


@pytest.mark.parametrize(
    ("said", "role_ids"),
    [
        ("role_ids=none&role_ids=3&role_ids=1", (1, 3)),  # as a form sends it
        ("role_ids=3,1,3", (1, 3)),
        ("role_ids=none", ()),
        ("role_ids=", None),
    ],
)
def test_a_form_and_a_link_say_roles(said: str, role_ids: tuple[int, ...] | None) -> None:
    assert read(said).role_ids == role_ids


def test_any_day_means_its_week() -> None:
    assert read("start=2026-11-18").start == date(2026, 11, 15)


@pytest.mark.parametrize(
    ("said", "field", "detail"),
    [
        ("weeks=5", "/weeks", "found '5', one of 4, 8, 12, 16, 20, 26, 52 is needed"),
        ("department=abc", "/department", "found 'abc', a whole number"),
        ("vertical=-1", "/vertical", "found '-1', a whole number"),
        ("role_ids=1,x", "/role_ids", "found 'x', a whole number"),
        ("role_ids=" + "9" * 400, "/role_ids", "a whole number up to"),
        ("role_ids=" + ",".join(map(str, range(1_001))), "/role_ids", "at most 1000"),
        ("unit=days", "/unit", "found 'days', one of hours, percent is needed"),
        ("layout=x", "/layout", "one of each, together"),
        ("start=yesterday", "/start", "a day is needed as YYYY-MM-DD"),
        ("start=0001-01-01", "/start", "a day is needed"),
        ("start=9999-12-31", "/start", "a Sunday up to 9998-12-27 is needed"),
        ("include_tentative=maybe", "/include_tentative", "true or false is needed"),
        ("weeks=4&weeks=8", "/weeks", "stands twice"),
        ("colour=red", "/query", "found 'colour', known here: department"),
    ],
)
def test_what_it_cannot_mean_is_refused(said: str, field: str, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(said)
    ((at, text),) = refused.value.faults
    assert at == field
    assert detail in text
