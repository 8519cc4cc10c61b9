"""Whole numbers by week, as the text in which a row holds them: units, or moments."""

import json
from collections.abc import Mapping

from msgspec.json import Decoder

by_week = Decoder(dict[str, int]).decode


def by_week_text(numbers: Mapping[str, int]) -> str:
    """Return numbers by week as PostgreSQL writes JSONB: keys sorted, and spaces between."""
    return json.dumps(dict(sorted(numbers.items())))
