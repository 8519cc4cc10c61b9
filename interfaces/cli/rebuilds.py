"""Commands that build read models anew beside the live ones, switch to them, and back."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.commands import command
from interfaces.cli.doors import Door, Session, keep_logs_off_stdout
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import answer_json, many, note, plain, rebuild_bar, table
from interfaces.cli.problems import Usage
from interfaces.cli.projections import projections

if TYPE_CHECKING:
    from projections.building import Stage, Tell
    from projections.comparing import Differences
    from projections.rebuilding import Rebuilt
    from projections.workers import Sources

_Names = Annotated[list[str] | None, typer.Argument(help="Projections.", metavar="NAME")]
_Name = Annotated[str, typer.Argument(help="The projection.", metavar="NAME")]

__all__ = ["projections"]  # the group, with these commands in it

_SAY_SECONDS = 0.5
_DOING = {
    "reading": "Reading the ledger",
    "deriving": "Deriving rows",
    "indexing": "Making indexes",
    "following": "Catching up",
    "comparing": "Comparing",
    "switching": "Switching",
}


@command(projections, "rebuild")
def rebuild(
    door: Door,
    names: _Names = None,
    everything: Annotated[bool, typer.Option("--all", help="All projections.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare row by row with what is live.")
    ] = False,
    switch: Annotated[
        bool | None,
        typer.Option(
            "--switch/--no-switch",
            help="Switch to it, or leave it beside; else it is switched to unless it differs.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str,
        typer.Option(help="Build up to there only, and leave it.", metavar="POSITION|TIME"),
    ] = "",
    jobs: Annotated[int, typer.Option(help="Processes that share the work.", min=1, max=64)] = 1,
    only: Annotated[
        str, typer.Option(help="Rebuild the rows with this key alone.", metavar="KEY=VALUE")
    ] = "",
    anew: Annotated[
        bool, typer.Option("--anew", help="Leave aside what an earlier try has built.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be built anew.")
    ] = False,
) -> None:
    """Build projections anew beside the live ones, and switch to them; nobody waits for it.

    One that was killed goes on where it was. What was live is kept for `undo`.

    **Example:** `capacity projections rebuild supplier_capacity --verify`
    """
    if bool(names) == everything:
        raise Usage("Name the projections, or take all by --all")
    from interfaces.rebuilding import RebuildRequest, run_rebuild

    request = RebuildRequest(
        projections=tuple(dict.fromkeys(names or ())),
        verify=verify,
        switch=switch,
        until=until,
        jobs=jobs,
        only=only,
        anew=anew,
    )
    if dry_run:
        _answer_dry_run(door, request.projections)
        return
    with _telling(door) as tell:
        rebuilt = run_rebuild(door.settings, request, tell)
    _finish(door, rebuilt, "Built {} anew")


@command(projections, "switch")
def switch_later(door: Door, name: _Name) -> None:
    """Switch to what `rebuild --no-switch` has built; it catches up first.

    **Example:** `capacity projections switch supplier_capacity`
    """
    from projections.rebuilding import switch_to

    with _telling(door) as tell, _sources(door) as sources:
        rebuilt = switch_to(sources, [name], "next", tell=tell)
    _finish(door, rebuilt, "Switched {}")


@command(projections, "undo")
def undo(door: Door, name: _Name) -> None:
    """Switch back to what was live before the last switch; it catches up first.

    **Example:** `capacity projections undo supplier_capacity`
    """
    from projections.rebuilding import switch_to

    with _telling(door) as tell, _sources(door) as sources:
        rebuilt = switch_to(sources, [name], "before", tell=tell)
    _finish(door, rebuilt, "Switched {} back")


@command(projections, "drop")
def drop_built(door: Door, name: _Name) -> None:
    """Drop what was built, or begun, and not switched to.

    **Example:** `capacity projections drop supplier_capacity`
    """
    from projections.rebuilding import drop

    _check(door)
    with _sources(door) as sources:
        drop(sources, [name], folder=door.settings.rebuild_dir)
    door.answer({"projection": name}, f"Nothing is beside {name} that was not switched to.")


def _answer_dry_run(door: Door, names: tuple[str, ...]) -> None:
    from projections.catalogue import PROJECTIONS
    from projections.projection import chosen_of

    chosen = [each.name for each in chosen_of(PROJECTIONS, names)]
    document = {"projections": chosen, "dry_run": True}
    door.answer(document, f"Would build {', '.join(chosen)} anew.")


@contextmanager
def _sources(door: Door) -> "Iterator[Sources]":
    from interfaces.rebuilding import open_sources
    from projections.database import create_tables

    with open_sources(door.settings) as sources:
        create_tables(sources.engine, sources.projections, keep_versions=True)
        yield sources


def _check(door: Door) -> None:
    """Say at once what is wrong with the ledger. A Projector is not made: it renews tables."""
    from interfaces.service import check_ledger

    keep_logs_off_stdout(only_errors=True)
    door.check_reachable()
    asyncio.run(check_ledger(door.settings))


# Progress.


@contextmanager
def _telling(door: Door) -> "Iterator[Tell]":
    """Yield what shows progress: a bar on a terminal, or JSON lines."""
    _check(door)
    if door.as_json:
        yield _line_by_line()
        return
    with rebuild_bar() as bar:
        task, pace = bar.add_task("", total=None, rate=""), Pace()

        def tell(stage: "Stage", done: int, total: int) -> None:
            if found := pace.news(stage, done, total):
                rate = f"{found['per_second']:,}/s".replace(",", " ")
                bar.update(task, description=_DOING[stage], rate=rate)
            bar.update(task, completed=done, total=max(1, total))

        yield tell


def _line_by_line() -> Callable[["Stage", int, int], None]:
    pace = Pace()

    def tell(stage: "Stage", done: int, total: int) -> None:
        if found := pace.news(stage, done, total):
            answer_json(found, in_one_line=True)

    return tell


class Pace:
    """How fast a stage goes; there is news twice a second, and when a stage begins or ends."""

    def __init__(self) -> None:
        self._stage = ""
        self._begun_at = self._said_at = 0.0
        self._begun_with = 0

    def news(self, stage: str, done: int, total: int) -> dict[str, Any] | None:
        """Return what to say, if it is time to say it."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._begun_at, self._begun_with = stage, now, done
        elif done < total and now - self._said_at < _SAY_SECONDS:
            return None
        self._said_at = now
        per_second = (done - self._begun_with) / max(now - self._begun_at, 1e-9)
        return {
            "stage": stage,
            "done": done,
            "total": total,
            "percent": round(100 * done / total, 1) if total else 100.0,
            "per_second": round(per_second),
            "left_seconds": round((total - done) / per_second, 1) if per_second else None,
        }


# The answer.


def _finish(door: Door, rebuilt: "Rebuilt", sentence: str) -> None:
    named = ", ".join(rebuilt.projections)
    positions = ", ".join(str(each) for each in sorted(set(rebuilt.positions.values())))
    differ = any(each.rows for each in rebuilt.differences)
    if rebuilt.switched:
        _leave_current(door)
    document = plain(rebuilt)
    if door.as_json:
        answer_json(document, in_one_line=True)
    else:
        done = f"{sentence.format(named)}, up to position {positions}"
        door.answer(document, f"{done}.", *_said(rebuilt.differences))
        if not rebuilt.switched:
            note(f"It is not live; `capacity projections switch {named}` makes it so")
    if differ and not rebuilt.switched:
        door.exit_code = ExitCode.FOUND_WRONG


def _leave_current(door: Door) -> None:
    """Bring everything to the head, and write the files whose content is another now."""

    async def work(session: Session) -> None:
        from projections import supplier_capacity as queries

        await session.bring_current()
        opened: list[Any] = await session.service.read(queries.all_scenarios)
        await session.write_files({(each.line, each.scenario) for each in opened})

    door.run(work)


def _said(differences: "tuple[Differences, ...]") -> Iterator[Any]:
    for found in differences:
        if not found.rows:
            yield f"{found.projection}: the same rows as live, at position {found.position}."
            continue
        differ = many(found.rows, "row differs", "rows differ")
        yield f"{found.projection}: {differ} at position {found.position}."
        for each in found.tables:
            columns = ", ".join(f"{name} in {count}" for name, count in each.columns.items())
            yield (
                f"{each.table}: {each.only_live} only live, {each.only_rebuilt} only rebuilt, "
                f"{each.different} different" + (f" ({columns})." if columns else ".")
            )
            rows = [
                (_pairs(row.key), _pairs(row.live), _pairs(row.rebuilt)) for row in each.examples
            ]
            yield table(("Row", "Live", "Rebuilt"), rows)
        if found.events:
            yield "Events that touched these rows:"
            touched = [(e.position, e.topic, e.aggregate_id, e.table) for e in found.events]
            yield table((">Position", "Event", "Aggregate", "Table"), touched)


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items()) or "-"
