"""What a process that serves is settled by, and what it leaves as it was."""

import gc
import sys
from collections.abc import Iterator

import pytest

from interfaces.settled import settled


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    """A process that nobody has settled, unlike that of these tests."""
    gc.unfreeze()
    yield
    gc.freeze()


def test_the_first_to_settle_freezes_and_thaws(nothing_frozen: None) -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    with settled():
        assert gc.get_freeze_count()
        assert (gc.get_threshold(), sys.getswitchinterval()) != before
    assert not gc.get_freeze_count()
    assert (gc.get_threshold(), sys.getswitchinterval()) == before


def test_what_somebody_froze_before_stays_frozen(nothing_frozen: None) -> None:
    with settled():
        frozen = gc.get_freeze_count()
        with settled():
            assert gc.get_freeze_count() == frozen
        assert gc.get_freeze_count() == frozen
