"""Matchers that answer badly, raise or hang: named, never booked, and the run goes on."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from application.suppliers import workflows
from interfaces.files import matcher_answers
from interfaces.files.capacity_tracker import update_supplier_capacity
from interfaces.files.workflow import InputRefused, WorkflowSummary
from interfaces.files.workflow_run import Run
from tests.support.asynchronous import asynchronous
from tests.support.workflows import ZIP, LineFolder, registration

FAR = "55999"  # where only Far serves


@pytest.fixture
def line(tmp_path: Path) -> LineFolder:
    return roof_line(tmp_path)


def roof_line(folder: Path) -> LineFolder:
    """ACME sells Solar at ZIP, Bolt Battery too, Full has no room, Far serves elsewhere."""
    line = LineFolder(folder)
    line.put_offers(
        {"ACME": 1_000, "Bolt": 1_000, "Full": 0, "Far": 1_000},
        areas={"Far": [FAR]},
        products={"Bolt": ["Solar", "Battery"]},
    )
    line.put_registrations([registration(1), registration(2)])
    return line


def answering(answer: Any) -> Any:
    """Return a matcher that answers so for the first, and rightly for the second registration."""

    def matcher(record: dict[str, Any], offers: list[dict[str, Any]]) -> Any:
        return answer if record["registration_id"] == "SPUS1" else {"supplier_id": "Bolt"}

    return matcher


NOT_BOOKED = [
    ({"supplier_id": "Nobody"}, "Supplier Nobody is not in the scenario"),
    ({"supplier_id": "acme"}, "Supplier acme is not in the scenario"),
    ({"supplier_id": " ACME"}, "Supplier  ACME is not in the scenario"),
    ({"supplier_id": "Far"}, "Supplier Far does not serve 55407; it serves 55999"),
    ({"supplier_id": "Full"}, "Supplier Full capacity exceeded: 1 > 0"),
    (
        {"supplier_id": "ACME", "product_type": "Battery"},
        "Supplier ACME does not offer Battery; it offers Solar",
    ),
    ({"supplier_id": "ACME", "panel_name": "Gold"}, "does not offer Gold; it offers nothing"),
    ({"supplier_id": "ACME", "zip_code": FAR}, "/zip_code: found '55999', the registration's is"),
    ({"supplier_id": "ACME", "payment_type": "Barter"}, "allowed are CashPrice, LoanInstallment"),
    ({"supplier_id": "ACME", "num_panels": 1.5}, "/num_panels: found 1.5"),
    ({"supplier_id": "ACME", "num_panels": True}, "/num_panels: found true"),
    ({"supplier_id": 5}, "/supplier_id: found 5, text is needed"),
    ({"supplier_id": "ACME", "registration_id": "SPUS7"}, "answered for SPUS7, which is not"),
    ([{"supplier_id": "ACME"}, {"supplier_id": "Bolt"}], ": ACME and Bolt"),
    (["ACME"], "found 'ACME', an object is needed"),
    ("ACME", "no JSON"),
    ("", "no JSON"),
    ('{"supplier_id": "ACME"', "no JSON"),
    ('{"supplier_id": "ACME", "supplier_id": "Bolt"}', "stands twice"),
    ("[" * 100_000, "nested too deeply"),
    ('"' + "A" * 1_000_001 + '"', "at most 1000000 are allowed"),
    (b"\xff", "byte 0 is not UTF-8"),
    (17, "found 17, an object, a list of objects or JSON is needed"),
    (True, "found true"),
    ({"supplier_id": float("nan")}, "found NaN, which is no JSON number"),
    ({"supplier_id": object()}, "found dict, which is no JSON"),
    (object(), "found object, which is no JSON"),
    ({"supplier_id": "ACME\ud800"}, "U+D800, which no name may hold"),
    ({"supplier_id": "A" * 201}, "found 201 characters"),
]


def answer_each(line: LineFolder, answers: list[Any]) -> WorkflowSummary:
    """Answer so for one registration after the other, SPUS100 first, and rightly for SPUS1."""
    records = {f"SPUS{number}": each for number, each in enumerate(answers, 100)}
    line.put_registrations(
        [{"RegistrationNumber": name, "Contact_Zip": ZIP} for name in (*records, "SPUS1")]
    )

    def matcher(record: dict[str, Any], offers: list[dict[str, Any]]) -> Any:
        answer = records.get(record["registration_id"], {"supplier_id": "Bolt"})
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return asyncio.run(line.run(matcher=matcher, max_items=None))


def test_wrong_answers_are_named_and_not_booked(line: LineFolder) -> None:
    summary = answer_each(line, [answer for answer, _ in NOT_BOOKED])
    assert len(summary.failed) == len(NOT_BOOKED)
    for (answer, reason), said in zip(NOT_BOOKED, summary.failed.values(), strict=True):
        assert reason in said, answer
    assert line.used == {"ACME": 0, "Bolt": 1, "Full": 0, "Far": 0}
    stats = line.result("stats")
    assert [each["reason"] for each in stats[:-1]] == list(summary.failed.values())
    assert (stats[-1]["registration_id"], stats[-1]["status"]) == ("SPUS1", "matched")
    assert [each["registration_id"] for each in line.result("matches")] == ["SPUS1"]


def test_naming_nobody_is_no_failure(line: LineFolder) -> None:
    nobody: list[Any] = [None, [], "null", "[]", {}, {"supplier_id": None}, [{}]]
    summary = answer_each(line, nobody)
    assert list(summary.unmatched.values()) == ["the matcher named no supplier for it"] * 7
    assert line.used == {"ACME": 0, "Bolt": 1, "Full": 0, "Far": 0}


def test_every_form_of_a_right_answer_is_booked(line: LineFolder) -> None:
    forms = [
        {"supplier_id": "ACME"},
        {"SupplierID": "ACME", "supplier_id": ""},
        [{"supplier_id": "ACME"}, {"supplier_id": "ACME", "registration_id": "SPUS102"}],
        '{"supplier_id": "ACME", "zip_code": 55407, "num_panels": 9}',
        b'[{"supplier_id": "ACME"}]',
        '```json\n{"supplier_id": "ACME"}\n```\n',
        {"supplier_id": "ACME", "RegistrationNumber": "SPUS106", "why": {"any": "thing"}},
    ]
    assert answer_each(line, forms).newly_booked == 8
    assert line.used["ACME"] == 7


@asynchronous
async def test_an_alias_counts_only_where_it_is_set(line: LineFolder) -> None:
    answer = [{"supplier_id": "Acme Inc."}, {"supplier_id": "ACME"}]
    summary = await line.run(matcher=answering(answer[0]))
    assert "Supplier Acme Inc. is not in the scenario" in summary.failed["SPUS1"]
    with pytest.raises(InputRefused, match=r"/aliases/Acme Inc.: 'Nobody' is no supplier"):
        await line.run(aliases={"Acme Inc.": "Nobody"})
    assert "SPUS1" in (await line.run(matcher=answering(answer[0]))).failed
    await line.run(matcher=answering(answer), aliases={"Acme Inc.": "ACME"}, max_items=0)
    summary = await line.run(matcher=answering(answer))
    assert summary.matched == 2
    assert line.result("matches")[-1]["supplier_id"] == "ACME"
    assert line.used["ACME"] == 1


@asynchronous
async def test_what_a_registration_asks_for_must_be_offered(line: LineFolder) -> None:
    line.put_registrations([registration(1, product_type="Battery"), registration(2)])
    summary = await line.run(matcher=answering({"supplier_id": "ACME"}))
    assert summary.failed["SPUS1"] == "Supplier ACME does not offer Battery; it offers Solar"
    summary = await line.run(matcher=answering({"supplier_id": "Bolt", "product_type": "Solar"}))
    assert "the registration asks for Battery" in summary.failed["SPUS1"]


# Those that raise or hang.


RAISED = [
    (ValueError("no\nluck \x1b[31m"), "the matcher raised ValueError: no luck \\x1b[31m"),
    (KeyError("SupplierID"), "the matcher raised KeyError: 'SupplierID'"),
    (StopIteration(), "the matcher raised RuntimeError: StopIteration:"),
    (SystemExit(3), "the matcher raised RuntimeError: SystemExit: 3"),
    (TimeoutError(), "the matcher raised TimeoutError"),
]


def test_a_matcher_that_raises_is_named(line: LineFolder) -> None:
    summary = answer_each(line, [error for error, _ in RAISED])
    assert [each.strip() for each in summary.failed.values()] == [said for _, said in RAISED]
    assert sum(line.used.values()) == 1


@asynchronous
async def test_an_async_matcher_that_raises_is_named(line: LineFolder) -> None:
    async def matcher(record: dict[str, Any], offers: Any) -> Any:
        if record["registration_id"] == "SPUS1":
            raise KeyError("SupplierID")
        return {"supplier_id": "ACME"}

    summary = await line.run(matcher=matcher)
    assert summary.failed == {"SPUS1": "the matcher raised KeyError: 'SupplierID'"}
    assert line.used["ACME"] == 1


class Hanging:
    """Waits for ever at the first registration; at the end the test lets it go."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, record: dict[str, Any], offers: Any) -> Any:
        if record["registration_id"] == "SPUS1":
            self.released.wait()
        return {"supplier_id": "ACME"}


class HangingAsync:
    """The same, async, and deaf to its cancellation for a while."""

    async def __call__(self, record: dict[str, Any], offers: Any) -> Any:
        if record["registration_id"] == "SPUS1":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0)
        return {"supplier_id": "ACME"}


@pytest.mark.parametrize("matcher", [Hanging(), HangingAsync()])
def test_a_matcher_that_hangs_is_left_behind(line: LineFolder, matcher: Any) -> None:
    summary = asyncio.run(line.run(matcher=matcher, matcher_timeout_seconds=2))
    if isinstance(matcher, Hanging):
        matcher.released.set()
    assert summary.failed == {"SPUS1": "the matcher gave no answer within 2 seconds"}
    assert line.used["ACME"] == 1


@asynchronous
async def test_a_matcher_may_be_a_lambda_around_something_async(line: LineFolder) -> None:
    async def ask(record: dict[str, Any]) -> str:
        await asyncio.sleep(0)
        return json.dumps({"supplier_id": "ACME"})

    summary = await line.run(matcher=lambda record, offers: ask(record))
    assert (summary.matched, line.used["ACME"]) == (2, 2)


# Pricing, and others at the same time.


@pytest.mark.parametrize(
    ("priced", "why"),
    [
        ([], "found no purchase order, one at least is needed"),
        ({"product_price": -1}, "/product_price: found -1"),
        ({"supplier_id": "Bolt"}, "/supplier_id: found 'Bolt', the match says 'ACME'"),
        ({"eligible_subsidies": "all"}, "/eligible_subsidies: found 'all'"),
        ("soon", "no JSON"),
    ],
)
def test_a_price_that_cannot_be_used_gives_the_slot_back(
    line: LineFolder, priced: Any, why: str
) -> None:
    matcher = answering({"supplier_id": "ACME"})

    def pricing(match: dict[str, Any], offer: dict[str, Any], incentives: Any) -> Any:
        return priced if match["registration_id"] == "SPUS1" else {"product_price": 1}

    summary = asyncio.run(line.run(matcher=matcher, pricing=pricing))
    assert why in summary.released["SPUS1"]
    assert line.used == {"ACME": 0, "Bolt": 1, "Full": 0, "Far": 0}


@asynchronous
async def test_a_slot_that_an_earlier_run_has_booked_is_kept(line: LineFolder) -> None:
    await line.run()
    path = line.result_path("pos")
    path.unlink()

    def pricing(*given: Any) -> Any:
        raise RuntimeError("closed")

    summary = await line.run(pricing=pricing)
    assert "its slot is kept" in summary.failed["SPUS1"]
    assert sum(line.used.values()) == 2
    assert len(line.result("matches")) == 2


@asynchronous
async def test_what_others_count_meanwhile_is_seen_and_kept(line: LineFolder) -> None:
    seen: list[int] = []

    async def matcher(record: dict[str, Any], offers: list[dict[str, Any]]) -> Any:
        seen.append(offers[0]["Used"])
        match = {"supplier_id": "ACME"}
        await update_supplier_capacity(match, line.offers_path, line.capacity_path)
        return match

    summary = await line.run(matcher=matcher)
    assert (summary.matched, seen) == (2, [0, 2])
    assert line.used["ACME"] == 4


# Controls: without the guard it goes wrong, in the ways of the original.


def closed(*given: Any) -> Any:
    """A pricing that always fails."""
    raise RuntimeError("closed")


@asynchronous
async def test_without_giving_back_a_slot_is_lost(
    line: LineFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await line.run(pricing=closed)).counts["released"] == 2
    assert sum(line.used.values()) == 0

    async def kept(*given: Any) -> None:
        return None

    monkeypatch.setattr(Run, "_give_back", kept)
    await line.run(pricing=closed)
    assert sum(line.used.values()) == 2


@asynchronous
async def test_without_copies_one_matcher_spoils_the_offers_of_the_next(
    line: LineFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiling(record: dict[str, Any], offers: list[dict[str, Any]]) -> Any:
        areas: list[str] = offers[0]["ServiceAreas"]
        serving = record["zip_code"] in areas
        areas.clear()
        return {"supplier_id": offers[0]["SupplierID"]} if serving else None

    assert (await line.run(matcher=spoiling)).matched == 2
    monkeypatch.setattr(matcher_answers, "deepcopy", dict)
    again = await line.run(
        matcher=spoiling, scenario="april", registrations_file=line.registrations_path
    )
    assert again.matched == 1


# Whatever is answered, nothing wrong is booked.

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 60_000),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["ACME", "Bolt", "Full", "Far", "Solar", "Battery", ZIP, FAR, "SPUS1"]),
)
RECORDS = st.dictionaries(
    st.sampled_from(
        ["supplier_id", "SupplierID", "registration_id", "zip_code", "product_type", "num_panels"]
    ),
    VALUES,
)
LIKELY = st.fixed_dictionaries(
    {"supplier_id": st.sampled_from(["ACME", "Bolt", "Full", "Far", "iSolar"])},
    optional={"product_type": st.sampled_from(["Solar", "Battery"]), "zip_code": VALUES},
)
ANSWERS = st.one_of(VALUES, RECORDS, LIKELY, st.lists(LIKELY | RECORDS, max_size=3))
ASKED = st.sampled_from(["", "Solar", "Battery"])
RIGHT = {"": {"ACME", "Bolt"}, "Solar": {"ACME", "Bolt"}, "Battery": {"Bolt"}}


def check_answers(folder: Path, examples: int) -> None:
    """Answer one registration after the other by whatever comes to mind."""
    line, numbers = roof_line(folder), iter(range(1_000_000))

    @hypothesis.given(asked=ASKED, answer=ANSWERS, as_text=st.booleans())
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        phases=[hypothesis.Phase.generate],
        report_multiple_bugs=False,
    )
    def answered(asked: str, answer: Any, as_text: bool) -> None:
        record = registration(next(numbers), product_type=asked)
        line.put_registrations([record])
        before = sum(line.used.values()) if line.capacity_path.exists() else 0
        given = json.dumps(answer) if as_text else answer
        summary = asyncio.run(line.run(matcher=lambda record, offers: given))
        (dealt,) = summary.registrations
        assert sum(line.used.values()) == before + summary.newly_booked
        if dealt.status == "matched":
            assert dealt.supplier in RIGHT[asked]

    answered()


def test_an_answer_that_is_not_right_is_never_booked(tmp_path: Path) -> None:
    check_answers(tmp_path, examples=60)


def test_without_the_check_a_wrong_answer_is_booked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the check that keeps wrong answers out."""
    monkeypatch.setattr(workflows, "check_choice", lambda *given: None)
    with pytest.raises(AssertionError):
        check_answers(tmp_path, examples=500)
