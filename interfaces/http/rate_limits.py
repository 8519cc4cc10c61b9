"""How much of what one caller may ask for: counted in this process, by the `limits` library."""

import time
from math import ceil
from typing import Literal

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from interfaces.settings import Settings

RateClass = Literal["read", "write", "batch", "refused"]


class RateLimits:
    """A limit for each class of routes, and a count for each caller."""

    def __init__(self, settings: Settings) -> None:
        said: dict[RateClass, str] = {
            "read": settings.rate_read,
            "write": settings.rate_write,
            "batch": settings.rate_batch,
            "refused": settings.rate_refused,
        }
        self._said = said
        self._limits: dict[RateClass, RateLimitItem] = {
            rate_class: parse(text) for rate_class, text in said.items() if text
        }
        # Fixed windows: at their edge twice the rate passes for a moment, and counting takes half
        # the time of the sliding ones.
        self._counts = FixedWindowRateLimiter(MemoryStorage())

    def said(self, rate_class: RateClass) -> str:
        """Return a limit as it stands in the settings."""
        return self._said[rate_class]

    async def hit(self, rate_class: RateClass, who: str) -> int:
        """Count one request; return 0, or how many seconds to wait where it is one too many."""
        limit = self._limits.get(rate_class)
        if limit is None or await self._counts.hit(limit, rate_class, who):
            return 0
        window = await self._counts.get_window_stats(limit, rate_class, who)
        return max(1, ceil(window.reset_time - time.time()))
