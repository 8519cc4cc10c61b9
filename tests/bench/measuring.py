"""How benchmarks are measured: both sides in turn, in one run, and the median of the ratios."""

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: ours and theirs are medians; `bar` is the ratio that is promised, if one is.

    `at_most` turns the bar round: the ratio may not be larger.
    """

    name: str
    ours: float
    theirs: float
    ratio: float
    unit: str
    against: str
    rounds: int = ROUNDS
    bar: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the ratio keeps the promise; None where nothing is promised."""
        if self.bar is None:
            return None
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar


@dataclass(slots=True)
class Report:
    """Collects figures, prints each as it comes, and keeps them for the end."""

    figures: list[Figure] = field(default_factory=list)
    console: Console = field(default_factory=Console)

    def add(self, figure: Figure) -> None:
        """Take a figure, and print it."""
        self.figures.append(figure)
        verdict = {None: "", True: " - reached", False: " - MISSED"}[figure.reached]
        sign = "<=" if figure.at_most else ">="
        bar = f" (bar {sign} {figure.bar:g}{verdict})" if figure.bar is not None else ""
        note = f"; {figure.note}" if figure.note else ""
        self.console.print(
            f"{figure.name}: {figure.ours:,.4g} against {figure.theirs:,.4g} {figure.unit}"
            f" [{figure.against}]: {figure.ratio:.2f}{bar}{note}",
            highlight=False,
        )

    def compare(
        self,
        name: str,
        ours: Callable[[], float],
        theirs: Callable[[], float],
        *,
        against: str,
        unit: str = "/s",
        rounds: int = ROUNDS,
        bar: float | None = None,
        at_most: bool = False,
        note: str = "",
    ) -> Figure:
        """Measure both sides in turn, first one and then the other first, and add the figure."""
        mine: list[float] = []
        other: list[float] = []
        for number in range(rounds):
            for side, found in ((ours, mine), (theirs, other))[:: 1 if number % 2 == 0 else -1]:
                gc.collect()
                found.append(side())
        ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
        figure = Figure(
            name=name,
            ours=statistics.median(mine),
            theirs=statistics.median(other),
            ratio=ratio,
            unit=unit,
            against=against,
            rounds=rounds,
            bar=bar,
            at_most=at_most,
            note=note,
        )
        self.add(figure)
        return figure

    def rounds_of(
        self, sides: Mapping[str, Callable[[], float]], *, rounds: int = ROUNDS
    ) -> dict[str, list[float]]:
        """Measure several sides in turn, each round in the other order, for `ratio` to compare."""
        found: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(rounds):
            for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
                gc.collect()
                found[name].append(sides[name]())
        return found

    def ratio(
        self,
        name: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        *,
        against: str,
        unit: str = "/s",
        bar: float | None = None,
        note: str = "",
    ) -> Figure:
        """Add the figure of two sides that were measured in the same rounds."""
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        mine, other = statistics.median(ours), statistics.median(theirs)
        figure = Figure(
            name, mine, other, ratio, unit, against, rounds=len(ours), bar=bar, note=note
        )
        self.add(figure)
        return figure

    def write(self, path: Path) -> None:
        """Write all figures as JSON, and print them as a table."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(figure) for figure in self.figures], indent=2) + "\n")
        table = Table("figure", "ours", "theirs", "ratio", "bar", "", "against", box=None)
        for figure in self.figures:
            sign = "<=" if figure.at_most else ">="
            table.add_row(
                figure.name,
                f"{figure.ours:,.4g} {figure.unit}",
                f"{figure.theirs:,.4g}",
                f"{figure.ratio:.2f}",
                "" if figure.bar is None else f"{sign} {figure.bar:g}",
                {None: "", True: "reached", False: "MISSED"}[figure.reached],
                figure.against,
            )
        self.console.print(table)


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Yield a function that tells the seconds since the beginning of the block."""
    begun = time.perf_counter()
    yield lambda: time.perf_counter() - begun


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of all values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def memory_peak_begun() -> int:
    """Forget the largest size that this process had so far; return the one it has, in megabytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory_peak_megabytes()


def memory_peak_megabytes() -> int:
    """Return the largest size of this process since it was forgotten, in megabytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def idle_probe() -> float:
    """Return how many thousand steps of plain Python fit in a second. It tells a busy machine."""
    with stopwatch() as elapsed:
        total = 0
        for number in range(2_000_000):
            total += number
        return 2_000 / elapsed()
