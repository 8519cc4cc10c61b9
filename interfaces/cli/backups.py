"""Commands for bad days: back the ledger up, and mend what an older backup leaves behind."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.doors import Door, Session
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import answer, many, note, progress_bar, table
from interfaces.cli.problems import Usage

if TYPE_CHECKING:
    from application.ledger.backups import Backup
    from interfaces.recovery import FilePlan, Plan


def backup(
    door: Door,
    into: Annotated[
        Path | None,
        typer.Option(help="The file to make; else named for the ledger and the time."),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="PostgreSQL: run pg_dump, instead of saying how.")
    ] = False,
) -> None:
    """Copy the ledger while it is written to; the copy was read through before it gets its name.

    For PostgreSQL it prints the pg_dump command to run, or runs it with --run.

    **Example:** `capacity backup --into /mnt/backups/monday.db`
    """
    if door.settings.database_url:
        return _back_up_postgres(door, into, run)
    if run:
        raise Usage("--run is for PostgreSQL; an SQLite ledger is always copied at once")
    made = _back_up_sqlite(door, into)
    size_bytes = made.path.stat().st_size
    door.answer(
        made._asdict() | {"path": str(made.path), "bytes": size_bytes},
        f"Backed up {many(made.events, 'event')} up to position {made.position} "
        f"into {made.path} ({size_bytes / 1e6:.1f} MB).",
    )


def _back_up_sqlite(door: Door, into: Path | None) -> "Backup":
    from application.ledger.backups import back_up_sqlite

    ledger_file = door.settings.ledger_file
    target = into or ledger_file.with_name(f"{ledger_file.stem}-{_stamp()}.db")
    with progress_bar("Copying pages", 1) as bar:
        return back_up_sqlite(
            ledger_file,
            target,
            progress=lambda done, total: bar.update(0, completed=done, total=max(1, total)),
        )


def _back_up_postgres(door: Door, into: Path | None, run: bool) -> None:
    from application.ledger.backups import back_up_postgres, dump_of

    target = into or Path(f"capacity-{_stamp()}.dump")
    dump = dump_of(door.settings.database_url, target)
    if run:
        back_up_postgres(dump, target)
        return door.answer({"path": str(target), "command": dump.text}, f"Dumped into {target}.")
    if dump.password:
        note("The password is not shown; pg_dump takes it from PGPASSWORD or ~/.pgpass")
    door.answer({"path": None, "command": dump.text}, dump.text)


def _stamp() -> str:
    from interfaces.service import utc_now

    return utc_now().strftime("%Y%m%dT%H%M%SZ")


def recover(
    door: Door,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only the plan is shown.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Make all read models anew, also if none seems ahead.")
    ] = False,
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Also overwrite capacity files that are not as we left."),
    ] = False,
) -> None:
    """After the ledger was restored from an older backup: mend read models and capacity files.

    Stop the server first. The exit code is 1 while there is something that --yes would do.

    **Example:** `capacity recover --yes`
    """

    async def work(session: Session) -> "tuple[Plan, list[FilePlan]]":
        from interfaces.recovery import plan
        from interfaces.recovery import recover as mend

        service = session.service
        chosen = await asyncio.to_thread(plan, service, everything=everything)
        if not door.as_json:
            answer(*_planned(chosen))
        if not yes or not chosen.needed:
            return chosen, []
        with progress_bar("Rebuilding", max(1, chosen.head)) as bar:
            done = await asyncio.to_thread(
                mend,
                service,
                chosen,
                rewrite=rewrite,
                tell=lambda stage, done, total: bar.update(
                    0, description=stage.capitalize(), completed=done, total=max(1, total)
                ),
            )
        return chosen, done

    chosen, done = door.run(work, ahead_allowed=True)
    left = [each for each in done if each.action == "leave"]
    if left or (chosen.needed and not yes):
        door.exit_code = ExitCode.FOUND_WRONG
    document = {"plan": chosen, "done": yes and chosen.needed, "files": done}
    door.answer(document, *_outcome(chosen, done, yes=yes))


def _planned(chosen: "Plan") -> list[Any]:
    lines: list[Any] = [f"The ledger ends at position {chosen.head}."]
    lines += [f"{each.name} is ahead of it, at position {each.position}." for each in chosen.ahead]
    if chosen.rebuild:
        lines.append(f"To be made anew: {', '.join(chosen.rebuild)}; then every capacity file.")
    lines += [f"To be set aside, as {each.why}: {each.path}" for each in chosen.orphans]
    return lines


def _outcome(chosen: "Plan", done: "list[FilePlan]", *, yes: bool) -> list[Any]:
    if not chosen.needed:
        return ["Nothing needs to be mended."]
    if not yes:
        return ["Nothing was changed; --yes does it."]
    rows = [(each.line, each.scenario, each.action, each.why, each.path) for each in done]
    made = table(("Line", "Scenario", "Done", "Why", "File"), rows)
    return ["Mended.", *([made] if rows else [])]
