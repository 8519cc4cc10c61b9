"""Replies given a moment ago: a repeat is answered from memory, without a word to the store."""

from datetime import datetime, timedelta

from application.ledger.store import FoundReply

_MOST = 10_000


class RecentReplies:
    """The last durable replies by key; what is dropped is still found in the store."""

    def __init__(self, kept: timedelta) -> None:
        self._kept = kept
        self._by_key: dict[str, tuple[FoundReply, datetime]] = {}

    def keep(self, key: str, found: FoundReply, now: datetime) -> None:
        """Remember a reply, and forget the oldest if there are many."""
        self._by_key[key] = (found, now)
        if len(self._by_key) > _MOST:
            del self._by_key[next(iter(self._by_key))]

    def get(self, key: str, now: datetime) -> FoundReply | None:
        """Return the reply under a key, unless it is too old to count."""
        kept = self._by_key.get(key)
        return kept[0] if kept is not None and now - kept[1] < self._kept else None
