"""What the page about keys promises is what the program declares."""

import re
from pathlib import Path

from domain.access import SCOPES
from interfaces.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text()


def test_every_scope_is_explained() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == SCOPES


def test_every_setting_exists() -> None:
    named = set(re.findall(r"CAPACITY_([A-Z_]+)", PAGE))
    assert named <= {each.upper() for each in Settings.model_fields}
    assert {"RATE_READ", "KEYS_FRESH_SECONDS", "REQUEST_SECONDS"} <= named
