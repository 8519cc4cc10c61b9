"""What a person or a script reads: the answer alone on stdout, everything else on stderr.

Names come from other people, so nothing that steers a terminal is ever printed as it is.
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:  # a script that asks for JSON does not wait for what draws tables
    from rich.console import Console
    from rich.table import Table

# Control characters, lone surrogates, line separators, and what turns the direction of text.
_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STEERS_IN_JSON = re.compile("[\x7f-\x9f\ud800-\udfff]")
_PIPED_WIDTH = 10_000  # nothing is cut or wrapped where a program reads

# As the doors name things, where our own words say more.
_KEYS = {
    "supplier": "supplier_id",
    "capacity_slots": "capacity",
    "used_slots": "used",
    "over_slots": "overbooked",
    "supplier_count": "suppliers",
}


def visible(value: object) -> str:
    """Return text in which what steers a terminal is written as an escape."""
    return _STEERS.sub(_escaped, str(value))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def plain(value: Any) -> Any:
    """Return what a use case or query answered as JSON's own types, named as the doors do."""
    import msgspec

    return _renamed(msgspec.to_builtins(value))


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {_KEYS.get(key, key): _renamed(each) for key, each in value.items()}
    return [_renamed(each) for each in value] if isinstance(value, list | tuple) else value


# The answer.


def answer(*lines: "str | Table") -> None:
    """Print sentences and tables."""
    from rich.table import Table
    from rich.text import Text

    console = _console(sys.stdout)
    for line in lines:
        if isinstance(line, Table):
            console.print(line)
        else:
            safe = "\n".join(visible(part) for part in line.split("\n"))
            console.print(Text(safe), soft_wrap=True)


def answer_json(value: Any, *, in_one_line: bool = False) -> None:
    """Print one JSON document."""
    print(json_text(value, in_one_line=in_one_line), flush=in_one_line)


def answer_bytes(text: bytes) -> None:
    """Print exactly these bytes."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def json_text(value: Any, *, in_one_line: bool = False) -> str:
    """Return a JSON document in which other people's letters stay letters."""
    text = json.dumps(value, ensure_ascii=False, indent=None if in_one_line else 2)
    return _STEERS_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> "Table":
    """Return a compact table; a column whose name begins with `>` holds numbers.

    A cell may be a Text, with colours that we gave it.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        numbers = column.startswith(">")
        made.add_column(
            column.removeprefix(">"), justify="right" if numbers else "left", overflow="fold"
        )
    for row in rows:
        cells = (each if isinstance(each, Text) else Text(visible(each)) for each in row)
        made.add_row(*cells)
    return made


def moment(at: Any) -> str:
    """Return a moment as people read it: UTC, to the second."""
    return str(at.strftime("%Y-%m-%d %H:%M:%S"))


def many(count: int, one: str, more: str = "") -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else more or one + 's'}".replace(",", " ")


def percent(share: float) -> str:
    """Return a share with one decimal."""
    return f"{100 * share:.1f} %"


# Everything else.


def note(line: str) -> None:
    """Say something on stderr."""
    from rich.text import Text

    _console(sys.stderr).print(Text(visible(line)), soft_wrap=True)


def progress_bar(what: str, total: int) -> Any:
    """Return a progress bar on stderr, which shows itself on a terminal only."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = _console(sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
    bar.add_task(what, total=total)
    return bar


def rebuild_bar() -> Any:
    """Return a progress bar with percent, rate and time left, which shows on a terminal only."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = _console(sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        Remaining(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def _console(file: IO[str]) -> "Console":
    width = None if file.isatty() else _PIPED_WIDTH
    return _console_class()(file=file, width=width, highlight=False, markup=False, emoji=False)


@cache
def _console_class() -> "type[Console]":
    from rich.console import Console

    class EndingQuietly(Console):
        def on_broken_pipe(self) -> None:
            """Let the command end as any other does, not by Rich's own exit."""
            raise BrokenPipeError

    return EndingQuietly
