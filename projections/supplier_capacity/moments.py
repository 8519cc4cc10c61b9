"""Moments, as rows hold them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def moment_of(moment_us: int) -> datetime:
    """Return the moment of so many microseconds since 1970."""
    return _EPOCH + moment_us * _MICROSECOND
