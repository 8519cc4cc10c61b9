"""How a function becomes a command: the options that all share, and one way for all errors."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import Invalid
from domain.names import check_name
from interfaces.cli.doors import Door
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.problems import problem_of

# Arguments that several commands take.

Line = Annotated[str, typer.Argument(help="The business line, such as sbus.", metavar="LINE")]
Scenario = Annotated[
    str, typer.Argument(help="The scenario, such as overlap_only.", metavar="SCENARIO")
]
Registration = Annotated[
    str, typer.Argument(help="The registration id, such as SPUS55557.", metavar="REGISTRATION")
]
Supplier = Annotated[
    str, typer.Argument(help="The supplier's name, or an alias of it.", metavar="SUPPLIER")
]

_EPILOG = "What the exit codes mean is said by `capacity --help`."
_WHERE, _WHO = "Where the ledger is", "Who, and why"

_COMMON: dict[str, tuple[Any, Any]] = {
    "as_json": (
        Annotated[bool, typer.Option("--json", help="Answer with JSON, and nothing else.")],
        False,
    ),
    "database_url": (
        Annotated[
            str | None,
            typer.Option(
                help="PostgreSQL; else CAPACITY_DATABASE_URL, else the SQLite files.",
                metavar="URL",
                rich_help_panel=_WHERE,
            ),
        ],
        None,
    ),
    "ledger_file": (
        Annotated[
            Path | None,
            typer.Option(
                help="The SQLite ledger; else CAPACITY_LEDGER_FILE, else capacity.db.",
                metavar="FILE",
                rich_help_panel=_WHERE,
            ),
        ],
        None,
    ),
    "views_file": (
        Annotated[
            Path | None,
            typer.Option(
                help="Its read models; else CAPACITY_VIEWS_FILE, else capacity.views.db.",
                metavar="FILE",
                rich_help_panel=_WHERE,
            ),
        ],
        None,
    ),
    "data_dir": (
        Annotated[
            Path | None,
            typer.Option(
                help="Where capacity files lie; else CAPACITY_DATA_DIR, else data.",
                metavar="FOLDER",
                rich_help_panel=_WHERE,
            ),
        ],
        None,
    ),
}
_WRITING: dict[str, tuple[Any, Any]] = {
    "dry_run": (
        Annotated[bool, typer.Option("--dry-run", help="Decide, and store nothing.")],
        False,
    ),
    "actor": (
        Annotated[
            str,
            typer.Option(
                help="Who does it; else your login name.",
                metavar="NAME",
                rich_help_panel=_WHO,
                show_default=False,
            ),
        ],
        "",
    ),
    "reason": (
        Annotated[
            str,
            typer.Option(
                help="Why; the history keeps it.",
                metavar="TEXT",
                rich_help_panel=_WHO,
                show_default=False,
            ),
        ],
        "",
    ),
}

_DATED: dict[str, tuple[Any, Any]] = {
    "as_of": (
        Annotated[
            str | None,
            typer.Option(
                help="Answer as of then: a position, or a time with its zone.",
                metavar="MOMENT",
                show_default=False,
            ),
        ],
        None,
    ),
}


SHARED_OPTIONS = (*_COMMON, *_WRITING)


def group(name: str, help_text: str) -> typer.Typer:
    """Return a group of commands."""
    return typer.Typer(
        name=name,
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        epilog=_EPILOG,
        add_completion=False,
    )


def command(
    app: typer.Typer,
    name: str,
    *,
    writes: bool = False,
    dated: bool = False,
    panel: str | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function that takes a Door first; its docstring is the help text.

    One that is `dated` only looks, and answers as of an earlier moment too. A parameter whose type
    is a dataclass stands for all of its fields: so commands share what they ask alike.
    """
    shared = (_DATED if dated else {}) | _COMMON | (_WRITING if writes else {})

    def register(work: Callable[..., None]) -> Callable[..., None]:
        declared = list(inspect.signature(work, eval_str=True).parameters.values())[1:]
        own = [option for each in declared for option in _options_of(each)]

        @functools.wraps(work)
        def run(**options: Any) -> None:
            given = {each: options.pop(each) for each in shared}
            door = Door(
                as_json=given.pop("as_json"),
                dry_run=given.pop("dry_run", False),
                actor=given.pop("actor", ""),
                reason=given.pop("reason", ""),
                as_of=given.pop("as_of", None),
                given=given,
            )
            raise typer.Exit(_run(door, work, declared, options))

        parameters = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in (*own, *(_parameter(name, *shared[name]) for name in shared))
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what Typer reads
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        app.command(name, epilog=_EPILOG, rich_help_panel=panel)(run)
        return run

    return register


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


def _stands_for_many(declared: inspect.Parameter) -> bool:
    return is_dataclass(declared.annotation)


def _options_of(declared: inspect.Parameter) -> list[inspect.Parameter]:
    if not _stands_for_many(declared):
        return [declared]
    return list(inspect.signature(declared.annotation, eval_str=True).parameters.values())


def _argument(declared: inspect.Parameter, options: dict[str, Any]) -> Any:
    """Return what a function is given for a parameter: an option, or all of a dataclass."""
    if not _stands_for_many(declared):
        return options[declared.name]
    return declared.annotation(**{each.name: options[each.name] for each in _options_of(declared)})


def _run(
    door: Door,
    work: Callable[..., None],
    declared: Sequence[inspect.Parameter],
    options: dict[str, Any],
) -> ExitCode:
    try:
        _check_texts(options)
        work(door, **{each.name: _argument(each, options) for each in declared})
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and would complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE_CLOSED
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        problem.say(as_json=door.as_json)
        return problem.exit_code
    return door.exit_code


_NAMES = {
    "line": "line",
    "scenario": "scenario",
    "registration": "registration_id",
    "supplier": "supplier_id",
}


def _check_texts(options: dict[str, Any]) -> None:
    """Refuse names that no ledger can hold before anything is opened, also where one reads."""
    for option, value in options.items():
        if option in _NAMES and value is not None:
            check_name(_NAMES[option], value)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and any("\ud800" <= each <= "\udfff" for each in text):
                raise Invalid((f"/{option}", "found bytes that are not UTF-8"))
