"""Sample data: one business line, three suppliers, three scenarios of registrations."""

import json
from importlib.resources import files
from typing import Any

LINE = "sbus"
SCENARIOS = ("overlap_only", "full_dataset", "no_battery")

_DATA = files(__name__) / "data"


def offers_document() -> bytes:
    """Return the offers document of the sample line, as it is published."""
    return (_DATA / "base_offers.json").read_bytes()


def load(scenario: str) -> list[dict[str, Any]]:
    """Return the registrations of one of SCENARIOS."""
    registrations: list[dict[str, Any]] = json.loads((_DATA / f"{scenario}.json").read_bytes())
    return registrations
