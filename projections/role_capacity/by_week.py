"""Whole numbers by week, as the text in which a row holds them: units, or moments."""

from collections.abc import Mapping

from msgspec.json import Decoder, Encoder

from projections.role_capacity.tables import AssignmentRow

by_week = Decoder(dict[str, int]).decode
_encode = Encoder(order="sorted").encode


def by_week_text(numbers: Mapping[str, int]) -> str:
    """Return numbers by week as PostgreSQL writes JSONB: keys sorted, and spaces between."""
    # No day and no number holds a colon or a comma.
    return _encode(numbers).decode().replace(":", ": ").replace(",", ", ")


def changed_at_us_by_week(row: AssignmentRow) -> dict[str, int]:
    """Return when the hours of each week of an assignment became what they are."""
    earlier = by_week(row.changed_earlier_us_by_week)
    return {week: earlier.get(week, row.changed_at_us) for week in by_week(row.weekly_hours)}
