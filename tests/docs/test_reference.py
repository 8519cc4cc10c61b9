"""Reference pages say what the code says."""

import pytest

from interfaces.reference import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_current(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run: python -m interfaces.reference"
