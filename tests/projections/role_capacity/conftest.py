"""A life of planning on either store."""

import pytest

from tests.projections.conftest import BareLedger
from tests.projections.role_capacity.life import Life


@pytest.fixture
def life(ledger: BareLedger) -> Life:
    return Life(ledger)
