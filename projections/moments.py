"""Moments as rows hold them: microseconds since 1970."""

from datetime import UTC, datetime, timedelta

from domain.aggregate import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return how many microseconds a moment is after 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(moment_us: int) -> datetime:
    """Return the moment of so many microseconds since 1970."""
    return _EPOCH + moment_us * _MICROSECOND


def recorded_at_us(event: Event) -> int:
    """Return when an event was recorded."""
    return (event.provenance.recorded_at - _EPOCH) // _MICROSECOND
