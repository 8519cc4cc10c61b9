"""Whole numbers by week, as the text in which a row holds them: units, or moments."""

from collections.abc import Mapping

from msgspec.json import Decoder, Encoder

by_week = Decoder(dict[str, int]).decode
_encode = Encoder(order="sorted").encode


def by_week_text(numbers: Mapping[str, int]) -> str:
    """Return numbers by week as PostgreSQL writes JSONB: keys sorted, and spaces between."""
    # No day and no number holds a colon or a comma.
    return _encode(numbers).decode().replace(":", ": ").replace(",", ", ")
