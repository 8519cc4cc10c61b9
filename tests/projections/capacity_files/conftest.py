"""A house for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.capacity_files.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path).create()
    yield house
    house.engine.dispose()
