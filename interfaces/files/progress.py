"""A progress bar on stderr: shown on a terminal, unless nobody wants it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(what: str, total: int, *, wanted: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function that moves the bar on by so many."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    shown = wanted and console.is_terminal
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
