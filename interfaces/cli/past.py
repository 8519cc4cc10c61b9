"""Commands about the past: the whole read side as it stood, what changed since, and why."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.names import shown
from interfaces.as_of import read_moment
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import answer_json, many, moment, plain, progress_bar, table
from interfaces.cli.problems import Usage
from interfaces.cli.recorded import event_document, facts_text

if TYPE_CHECKING:
    from projections.differences import Change
    from projections.explaining import Explanation

_INTO = "sqlite:///"
_MAX_ROWS = 10_000


def replay(
    door: Door,
    until: Annotated[
        str,
        typer.Option("--until", help="A position, or a time with its zone.", metavar="MOMENT"),
    ],
    into: Annotated[
        str, typer.Option("--into", help="The file to write: sqlite:///PATH.", metavar="URL")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier past that lies there.")
    ] = False,
) -> None:
    """Write the whole read side as it stood into a file of its own, whole or not at all.

    One that was interrupted goes on from the last checkpoint that it left.

    **Example:** `capacity replay --until 2026-03-02T09:30:00Z --into sqlite:///past.db`
    """
    asked, path = read_moment("until", until), _target(into)
    _check_free(path, force=force)

    async def work(session: Session) -> tuple[int, float]:
        position = await session.service.position_of("until", asked)
        begun = time.perf_counter()
        with progress_bar("Replaying", max(1, position)) as bar:
            at, since = 0, begun

            def progress(done: int, total: int) -> None:
                nonlocal at, since
                now = time.perf_counter()
                said = f"Replaying, {(done - at) / max(now - since, 1e-6):,.0f} events/s"
                at, since = done, now
                bar.update(0, completed=done, total=max(1, total), description=said)

            write = session.service.pasts.files.write
            await asyncio.to_thread(write, position, path, progress=progress)
        return position, time.perf_counter() - begun

    position, seconds = door.run(work)
    document = {"position": position, "file": str(path), "seconds": round(seconds, 3)}
    sentence = f"Wrote {path} as of position {position}, in {seconds:.1f} s."
    door.answer(document, sentence)


def _target(into: str) -> Path:
    path = into.removeprefix(_INTO)
    if path == into or not path:
        raise Usage(f"--into: found {shown(into)}, sqlite:///PATH is needed")
    return Path(path)


def _check_free(path: Path, *, force: bool) -> None:
    from projections.past import read_mark

    if path.is_dir() or not path.absolute().parent.is_dir():
        raise Usage(f"--into: {path} cannot be written: it is a folder, or lies in none")
    if not path.exists():
        return
    if not force:
        raise Usage(f"--into: {path} is there already; --force replaces it")
    if read_mark(path) is None:  # a ledger, say
        raise Usage(f"--into: {path} is no past, and is never replaced")


def diff(
    door: Door,
    begin: Annotated[
        str,
        typer.Option(
            "--from", help="The earlier moment: a position, or a zoned time.", metavar="A"
        ),
    ],
    end: Annotated[
        str | None, typer.Option("--to", help="The later moment; else now.", metavar="B")
    ] = None,
    projection: Annotated[
        str | None, typer.Argument(help="Only its rows; else all.", metavar="[PROJECTION]")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=_MAX_ROWS, help="At most so many rows.", metavar="N")
    ] = 100,
) -> None:
    """Show which rows changed between two moments, and by which events.

    **Example:** `capacity diff --from 120 --to 2026-03-02T09:30:00Z supplier_capacity`
    """
    moments = [read_moment("from", begin), None if end is None else read_moment("to", end)]

    async def work(session: Session) -> "tuple[int, int, list[Change], int]":
        from projections.catalogue import PROJECTIONS
        from projections.differences import count_differences, read_differences
        from projections.row_places import find_projection

        if projection is not None:
            find_projection(PROJECTIONS, projection)
        service = session.service
        first, last = [
            service.ledger.head if each is None else await service.position_of(field, each)
            for field, each in zip(("from", "to"), moments, strict=True)
        ]
        if last < first:
            raise Usage(f"--to: found position {last}, which lies before {first}")
        with progress_bar("Comparing", max(1, last)) as bar:
            await asyncio.to_thread(
                service.pasts.files.differences,
                first,
                last,
                progress=lambda done, total: bar.update(0, completed=done, total=max(1, total)),
            )
        found, many_rows = await service.pasts.compare(
            first,
            last,
            lambda connection: (
                read_differences(
                    connection, service.log, after_number=0, limit=limit, projection=projection
                ),
                count_differences(connection, projection=projection),
            ),
        )
        return first, last, found, many_rows

    first, last, found, many_rows = door.run(work)
    document = {
        "from": first,
        "to": last,
        "change_count": many_rows,
        "changes": [_change_document(each) for each in found],
    }
    sentence = f"{many(many_rows, 'row')} differ between positions {first} and {last}."
    if len(found) < many_rows:
        sentence += f" The first {len(found)}:"
    columns = ("Change", "Table", "Row", "What", "By")
    rows = [
        (each.kind, each.table, _named(each.names or each.key), _what(each), _by(each))
        for each in found
    ]
    _answer(door, document, sentence, *([table(columns, rows)] if rows else []))


def _answer(door: Door, document: Any, *lines: Any) -> None:
    """Print the answer; columns keep their own names, by which they can be asked for."""
    if door.as_json:
        return answer_json(document)
    door.answer(document, *lines)


def _change_document(change: "Change") -> dict[str, Any]:
    return {
        "projection": change.projection,
        "table": change.table,
        "key": change.key,
        "names": change.names,
        "change": change.kind,
        "before": change.before,
        "after": change.after,
        "events": [plain(event_document(each.event, each.position)) for each in change.events],
        "event_count": change.event_count,
    }


def _named(values: dict[str, Any]) -> str:
    return " ".join(str(value) for value in values.values())


def _what(change: "Change") -> str:
    before, after = change.before or {}, change.after or {}
    if change.kind == "changed":
        return " ".join(f"{name}={before[name]}>{after[name]}" for name in before)
    return " ".join(f"{name}={value}" for name, value in (before or after).items())


def _by(change: "Change") -> str:
    newest = change.events[0]
    why = newest.event.provenance.reason
    told = f"{newest.position} {newest.event.topic} by {newest.event.provenance.actor}"
    more = change.event_count - 1
    return told + (f" ({why})" if why else "") + (f" and {many(more, 'event')} before" * (more > 0))


def explain(
    door: Door,
    projection: Annotated[
        str, typer.Argument(help="Such as supplier_capacity.", metavar="PROJECTION")
    ],
    key: Annotated[
        list[str],
        typer.Argument(help="TABLE and the row's key, or COLUMN=VALUE...", metavar="KEY"),
    ],
    limit: Annotated[
        int, typer.Option(min=1, max=_MAX_ROWS, help="At most so many events.", metavar="N")
    ] = 100,
) -> None:
    """Show which events made a row of a read model, newest first, with who and why.

    **Example:** `capacity explain supplier_capacity matches registration_id=SPUS63956`
    """

    async def work(session: Session) -> "Explanation":
        from projections.catalogue import PROJECTIONS
        from projections.explaining import explain as explained
        from projections.row_places import find_projection, read_place

        place = read_place(find_projection(PROJECTIONS, projection), key)
        return await session.read(explained, session.service.log, place, limit=limit)

    found = door.ask(work)
    documents = [plain(event_document(each.event, each.position)) for each in found.events]
    document = {
        "projection": found.place.projection.name,
        "table": str(found.place.table.name),
        "key": found.key,
        "row": found.row,
        "events": documents,
        "more": found.more,
    }
    row = "The row is no more." if found.row is None else _told(found.row)
    columns = (">Position", "When (UTC)", "Who", "What", "", "Why")
    rows = [
        (
            each.position,
            moment(each.event.provenance.recorded_at),
            each.event.provenance.actor,
            each.event.topic.partition(".")[2].replace("_", " "),
            facts_text(event_document(each.event, each.position)["data"]),
            each.event.provenance.reason,
        )
        for each in found.events
    ]
    earlier = ["There are earlier ones; --limit shows more."] * found.more
    _answer(door, document, row, table(columns, rows), *earlier)


def _told(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if value not in ("", None))
