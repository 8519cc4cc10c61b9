"""The chart of a distribution: what it shows, and that it is drawn."""

from xml.etree import ElementTree

from interfaces.pages.chart_themes import config
from interfaces.pages.drawing import drawn
from interfaces.pages.share_charts import ShareRow, described, share_chart, share_picture

ROWS = [ShareRow("ACME", 30, 25.0, 60.0), ShareRow("Sun & <co>", 20, 75.0, 40.0)]


def test_each_supplier_has_a_bar_for_what_it_has_and_one_for_what_it_should_have() -> None:
    spec = share_chart(ROWS, title="Shares")
    assert [(each["supplier"], each["kind"], each["share"]) for each in spec["data"]["values"]] == [
        ("ACME", "Actual", 60.0),
        ("ACME", "Expected", 25.0),
        ("Sun & <co>", "Actual", 40.0),
        ("Sun & <co>", "Expected", 75.0),
    ]
    assert spec["encoding"]["y"]["sort"] == ["ACME", "Sun & <co>"]
    # Not by colour alone: what is expected is pale, with an outline.
    assert spec["encoding"]["fillOpacity"]["condition"]["test"] == "datum.kind === 'Expected'"


def test_rows_are_as_high_in_a_long_chart_as_in_a_short_one() -> None:
    heights = [share_chart(ROWS[:1] * many, title="")["height"] for many in (1, 2, 30)]
    row = heights[1] - heights[0]
    assert row >= 20
    assert heights[2] - heights[0] == 29 * row


def test_it_says_what_it_shows() -> None:
    assert described(ROWS) == (
        "Actual and expected share of matches of 2 suppliers; furthest apart is ACME with 60.0 % "
        "where 25.0 % are expected"
    )
    assert described([]).startswith("An empty chart")


def test_its_picture_has_all_that_it_says() -> None:
    spec = share_picture(ROWS, title="Shares", config=config("light", together=False))
    texts = [each.text for each in ElementTree.fromstring(drawn(spec, "svg")).iter() if each.text]
    assert {"Shares", "ACME", "Sun & <co>", "Actual", "Expected", "0 %"} <= set(texts)
