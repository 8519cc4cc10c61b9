"""The two scripts for files that people already have: usage out of offers, and back to zero."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.doors import Door, Session
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import many, note
from interfaces.cli.problems import Problem

if TYPE_CHECKING:
    from interfaces.files.migration import Migration
    from interfaces.files.resetting import ResetFile

LINE = "sbus"  # whose folder `--all` takes, as the original's scripts do
ResetHere = Callable[[Path], Awaitable[bool]]

Files = Annotated[list[Path] | None, typer.Argument(help="The files; else --all.", metavar="FILE")]


def reset_files(
    door: Door,
    context: typer.Context,
    files: Files = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every .json file in data/sbus/capacity; wins over FILE.")
    ] = False,
) -> None:
    """Set Used to zero in capacity files; the ledger behind each keeps what was counted.

    Stops with exit code 1 at a file that is missing or cannot be read; those before it are reset.

    **Example:** `capacity files reset data/sbus/capacity/overlap_only.json`
    """
    from interfaces.files.resetting import json_files

    folder = door.settings.data_dir / LINE / "capacity"
    if not files and not every:
        return _tell_usage(door, context, "Please specify files to reset or use --all")
    paths = json_files(folder) if every else files or []
    if not paths:
        told = f"No capacity files found in {folder}/"
        return door.answer({"files": [], "message": told}, told)
    results = _reset(door, paths)
    done = [each for each in results if each.status != "failed"]
    lines = [_RESET_LINES[each.status].format(path=each.path) for each in done]
    failed = len(done) < len(results)
    header = f"Resetting capacity for {len(paths)} file(s)..."
    end = [] if failed else ["", "✅ Done!"]
    document = [each._asdict() | {"path": str(each.path)} for each in results]
    door.answer({"files": document}, header, "", *lines, *end)
    if failed:
        door.exit_code = ExitCode.FOUND_WRONG
        Problem(door.exit_code, "not-reset", results[-1].detail).say(as_json=door.as_json)


_RESET_LINES = {
    "reset": "✓ Reset capacity in {path}",
    "invalid": "❌ Invalid capacity file format: {path}",
}


def _reset(door: Door, paths: list[Path]) -> "list[ResetFile]":
    from interfaces.files.resetting import reset_files as reset_all

    with _settings_in_the_environment(door):
        if door.settings.database_url or not door.settings.ledger_file.exists():
            return asyncio.run(reset_all(paths, _nowhere))

        async def work(session: Session) -> "list[ResetFile]":
            return await reset_all(paths, await _of_this_ledger(session))

        return door.tell(work)


async def _nowhere(path: Path) -> bool:
    return False


async def _of_this_ledger(session: Session) -> ResetHere:
    """Return what resets the files that this ledger itself writes, and no others."""
    from projections import supplier_capacity as queries
    from projections.capacity_files import default_path

    await session.bring_current()
    data_dir, service = session.door.settings.data_dir, session.service
    owners = {}
    for each in await service.read(queries.all_scenarios):
        below = each.capacity_file or default_path(Path(), each.line, each.scenario)
        owners[_real(data_dir / below)] = (each.line, each.scenario)

    async def reset_here(path: Path) -> bool:
        if (owner := owners.get(_real(path))) is None:
            return False
        await service.suppliers.reset(session.command(), line=owner[0], scenario=owner[1])
        await service.catch_up()
        await asyncio.to_thread(service.capacity_files.rewrite, *owner)
        return True

    return reset_here


def _real(path: Path) -> Path:
    return path.resolve()


def migrate_files(
    door: Door,
    context: typer.Context,
    files: Files = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every .json file in data/sbus/offers; wins over FILE.")
    ] = False,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="Whose usage it is: it goes to capacity/SCENARIO.json. Needed where "
            "registrations of several scenarios lie beside the offers.",
            metavar="SCENARIO",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")
    ] = False,
) -> None:
    """Move Used and UsedPct out of offers files, to the capacity file that workflows read.

    Used is kept; each offers file gets a backup beside it. A second time there is nothing to do.

    **Example:** `capacity files migrate data/sbus/offers/base_offers.json --scenario overlap_only`
    """
    from interfaces.files.migration import plans
    from interfaces.files.resetting import json_files

    line_folder = door.settings.data_dir / LINE
    if not files and not every:
        return _tell_usage(door, context, "Please specify files to migrate or use --all")
    paths = json_files(line_folder / "offers") if every else files or []
    if not paths:
        told = f"No offers files found in {line_folder / 'offers'}/"
        return door.answer({"files": [], "message": told}, told)
    migrations = plans(paths, scenario=scenario, otherwise=line_folder / "capacity")
    done = [_migrate(door, each, dry_run) for each in migrations]
    for each in migrations:
        for warning in each.warnings:
            note(f"Warning: {warning}")
    needed = many(sum(each.needed for each in migrations), "file")
    end = f"Dry run: {needed} to migrate, nothing is written." if dry_run else "✅ Done!"
    lines = [line for _, line in done]
    door.answer({"dry_run": dry_run, "files": [each for each, _ in done]}, *lines, "", end)


def _migrate(door: Door, migration: "Migration", dry_run: bool) -> tuple[dict[str, Any], str]:
    from interfaces.files.migration import migrate

    document = {
        "offers": str(migration.offers),
        "capacity": str(migration.capacity) if migration.needed else None,
        "used": {each.supplier: each.used_slots for each in migration.usages if migration.needed},
        "warnings": list(migration.warnings),
        "migrated": migration.needed and not dry_run,
    }
    if not migration.needed:
        return document, f"Nothing to migrate in {migration.offers}"
    moved = f"usage of {many(len(migration.usages), 'supplier')} in {migration.offers}"
    if dry_run:
        return document, f"Would move {moved} to {migration.capacity}"
    with _settings_in_the_environment(door):
        backup = asyncio.run(migrate(migration))
    return document | {"backup": str(backup)}, (
        f"✓ Moved {moved} to {migration.capacity}; the offers as they were: {backup}"
    )


@contextmanager
def _settings_in_the_environment(door: Door) -> Iterator[None]:
    """Let the drop-in functions see the options of this command, for they know no others."""
    given = {f"CAPACITY_{name.upper()}": each for name, each in door.given.items() if each}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update({name: str(each) for name, each in given.items()})
    try:
        yield
    finally:
        for name, each in before.items():
            if each is None:
                del os.environ[name]
            else:
                os.environ[name] = each


def _tell_usage(door: Door, context: typer.Context, told: str) -> None:
    door.answer({"files": [], "message": told}, told, "")
    if not door.as_json:
        door.answer(None, *context.get_help().splitlines())  # Rich has printed it by then
