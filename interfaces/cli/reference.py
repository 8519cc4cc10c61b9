"""The command line's reference, made of its help texts: `python -m interfaces.cli.reference`."""

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import typer

from interfaces.cli.app import app
from interfaces.cli.commands import SHARED_OPTIONS
from interfaces.cli.exit_codes import MEANINGS

HEAD = """\
# The command line

Made of the help texts by `python -m interfaces.cli.reference > docs/command-line.md`.

Nothing but the answer goes to stdout; progress, warnings and errors go to stderr. With `--json`
the answer is one JSON document (of `events tail` and `events grep` one line for each event, of
`capacity` the text of the capacity file), and an error is a JSON document on stderr. After a
command the read models and the capacity files of what it touched are up to date, also where no
server runs.
"""


def reference() -> str:
    """Return the whole reference as Markdown."""
    root = typer.main.get_command(app)
    parts = [HEAD, "## Exit codes", _exit_codes(), "## Options of every command"]
    parts += [_shared_options(root), "## Commands"]
    parts += [_command(path, found) for path, found in _commands(root, ())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _exit_codes() -> str:
    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| code | meaning |", "|---:|---|", *rows])


def _commands(found: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(found, "commands", {}).items():
        here = (*path, name)
        if hasattr(child, "commands"):
            yield from _commands(child, here)
        else:
            yield here, child


def _shared_options(root: Any) -> str:
    # `book` takes them all; `--dry-run`, `--actor` and `--reason` belong to what writes.
    params = [each for each in root.commands["book"].params if each.name in SHARED_OPTIONS]
    return _listed(params) + "\n\n`--dry-run`, `--actor` and `--reason` only where one writes."


def _command(path: tuple[str, ...], found: Any) -> str:
    own = [each for each in found.params if each.name not in SHARED_OPTIONS]
    arguments = " ".join(_argument(each) for each in own if each.param_type_name == "argument")
    usage = f"capacity {' '.join(path)} {arguments}".strip()
    parts = [f"### {' '.join(path)}", f"`{usage}`", inspect.cleandoc(found.help or "")]
    listed = _listed([each for each in own if each.help and each.name != "help"])
    return "\n\n".join([*parts, listed] if listed else parts)


def _argument(param: Any) -> str:
    many = "..." if param.nargs == -1 else ""
    return f"{param.metavar or param.name.upper()}{many}"


def _listed(params: list[Any]) -> str:
    rows = []
    for param in params:
        if param.param_type_name == "argument":
            name = _argument(param)
        else:
            name = ", ".join(param.opts) + (f" {param.metavar}" if param.metavar else "")
        rows.append(f"- `{name}`: {param.help}")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(reference())
