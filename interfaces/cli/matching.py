"""The command that books many registrations, each with the supplier that the rule chooses."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import DomainError
from domain.suppliers import ScenarioNotFound
from interfaces.cli.commands import Line, Scenario
from interfaces.cli.documents import read_registrations
from interfaces.cli.doors import Door, Session
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import many, note, plain, progress_bar, table

if TYPE_CHECKING:
    from application.suppliers import Chosen

CHUNK = 500
_LISTED = 50  # as many as a person reads; --json lists all
STATUSES = ("booked", "already_booked", "unmatched", "invalid", "failed")


def match(
    door: Door,
    line: Line,
    scenario: Scenario,
    file: Annotated[
        Path,
        typer.Argument(help="Registrations, as a JSON list or CSV; - for stdin.", metavar="FILE"),
    ],
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of every supplier why it was chosen or not.")
    ] = False,
) -> None:
    """Book each registration with a supplier that serves its zip code and has room.

    Among those the least used is chosen. What is booked already stays, so the same file may be
    matched again. A record that cannot be read stops no other; the exit code is then 1.

    **Example:** `capacity match sbus overlap_only registrations.json --explain`
    """
    records = read_registrations(file, limit_bytes=door.settings.body_bytes)

    async def work(session: Session) -> "list[Chosen]":
        return await choose_all(session, line, scenario, records, explained=explain)

    results = door.tell(work)
    counts = count_by_status(results)
    if counts["invalid"] or counts["failed"]:
        door.exit_code = max(door.exit_code, ExitCode.FOUND_WRONG)
    document = {
        "line": line,
        "scenario": scenario,
        "dry_run": door.dry_run,
        "counts": counts,
        "results": [_described(each, explained=explain) for each in results],
    }
    door.answer(document, *_lines(results, counts, explained=explain, dry_run=door.dry_run))


async def choose_all(
    session: Session, line: str, scenario: str, records: list[Any], *, explained: bool = False
) -> "list[Chosen]":
    """Book registrations chunk by chunk, and say what became of each, in their order."""
    from application.ledger import LedgerUnavailable

    # A dry run stores nothing for the next chunk to see, so it is one chunk.
    size = len(records) if session.door.dry_run else CHUNK
    results: list[Chosen] = []
    with progress_bar("Matching", len(records)) as bar:
        for start in range(0, len(records), size):
            chunk = records[start : start + size]
            try:
                outcome = await session.service.suppliers.choose(
                    session.command(),
                    line=line,
                    scenario=scenario,
                    records=chunk,
                    explained=explained,
                )
            except LedgerUnavailable:
                if results:
                    done = f"{len(results)} of {len(records)} registrations are dealt with"
                    note(f"{done}; the same command again goes on from there")
                raise
            results += map(_chosen, chunk, outcome.result)
            bar.advance(0, len(chunk))
    return results


def _chosen(record: Any, result: "Chosen | Exception") -> "Chosen":
    from application.suppliers import Chosen

    if isinstance(result, Chosen):
        return result
    if isinstance(result, ScenarioNotFound) or not isinstance(result, DomainError):
        raise result  # it would be the same for every other
    name = record.get("registration_id") or record.get("RegistrationNumber")
    return Chosen(str(name), "", "failed", "", str(result))


def count_by_status(results: "list[Chosen]") -> dict[str, int]:
    """Return how many registrations came to each status."""
    counted = Counter(each.status for each in results)
    return {status: counted[status] for status in STATUSES}


def _described(chosen: "Chosen", *, explained: bool) -> dict[str, Any]:
    document: dict[str, Any] = plain(chosen)
    if not explained:
        del document["considered"]
    return document


_DONE = ("booked", "already booked", "unmatched", "invalid", "failed")


def summary_sentence(counts: dict[str, int], *, dry_run: bool = False) -> str:
    """Return what became of all registrations, in one sentence."""
    told = [
        f"{count} {said}"
        for said, count in zip(_DONE, counts.values(), strict=True)
        if count or said == "booked"
    ]
    would = "Dry run, nothing is stored; it would be " if dry_run else ""
    return f"{would}{', '.join(told)} of {many(sum(counts.values()), 'registration')}."


def _lines(
    results: "list[Chosen]", counts: dict[str, int], *, explained: bool, dry_run: bool
) -> list[Any]:
    lines: list[Any] = [summary_sentence(counts, dry_run=dry_run)]
    last = {each.supplier: each for each in results if each.supplier}
    if last:
        booked = Counter(each.supplier for each in results if each.status == "booked")
        rows = [
            (name, booked[name], each.used_slots, each.capacity_slots)
            for name, each in sorted(last.items())
        ]
        lines.append(table(("Supplier", ">Booked now", ">Used", ">Capacity"), rows))
    if explained:
        lines += [line for each in results for line in _explanation(each)]
        return lines
    left = [each for each in results if not each.supplier]
    if left:
        columns = ("Registration", "Zip code", "Status", "Reason")
        rows_left = [
            (each.registration_id, each.zip_code, each.status, each.reason)
            for each in left[:_LISTED]
        ]
        lines += ["", "Not booked:", table(columns, rows_left)]
    if len(left) > _LISTED:
        lines.append(f"... and {len(left) - _LISTED} more; --json lists all.")
    return lines


def _explanation(chosen: "Chosen") -> list[str]:
    what = chosen.supplier or chosen.status
    where = f" ({chosen.zip_code})" if chosen.zip_code else ""
    lines = [f"{chosen.registration_id}{where}: {what}; {chosen.reason}"]
    lines += [f"  {each.supplier}: {each.reason}" for each in chosen.considered]
    return lines
