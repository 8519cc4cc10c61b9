"""How much is used of how much, and which of many pages of rows is shown."""

from msgspec import Struct

from interfaces.pages.charts import percent_of


class Fill(Struct, frozen=True):
    """How much is used of how much, as a bar and as words; colour alone says nothing."""

    used: int
    capacity: int

    @property
    def room(self) -> int:
        """What is free."""
        return max(0, self.capacity - self.used)

    @property
    def over(self) -> int:
        """What is held beyond the capacity."""
        return max(0, self.used - self.capacity)

    @property
    def percent(self) -> float | None:
        """How much of the capacity is used; None where there is none."""
        return percent_of(self.used, self.capacity) if self.capacity else None

    @property
    def width(self) -> float:
        """How long the bar is, of 100; what holds more than its capacity has a full one."""
        return 100.0 if self.over else min(100.0, self.percent or 0.0)

    @property
    def state(self) -> str:
        """The state in a word, where there is one to be said."""
        if self.over:
            return f"{self.over} over"
        return "full" if self.capacity and not self.room else ""

    @property
    def style(self) -> str:
        """How the bar looks."""
        return "is-over" if self.over else "is-full" if self.state else ""


class Turning(Struct, frozen=True):
    """Which page of how many this is, and where the ones beside it are."""

    page: int
    pages: int
    previous: str
    next: str


def pages_of(count: int, at_once: int) -> int:
    """Return how many pages so many rows take; there is always one."""
    return max(1, -(-count // at_once))
