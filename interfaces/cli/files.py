"""Commands about capacity files: whether each is what was written there last."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Session
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import many, note, table
from interfaces.cli.problems import problem_of

if TYPE_CHECKING:
    from projections.capacity_files import Finding

files = group("files", "The capacity files on disk, which other tools read.")

_MEANING = {
    "ok": "as it should be",
    "edited": "somebody changed it",
    "deleted": "somebody deleted it",
    "foreign": "somebody else's file lies there",
    "behind": "ours, but not up to date",
    "rewritten": "written anew",
}


@command(files, "verify")
def verify(
    door: Door,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Write anew every file that is not ok.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --rewrite: say what would be written anew.")
    ] = False,
) -> None:
    """Compare every capacity file with the ledger; the exit code is 1 if one is not ok.

    **Example:** `capacity files verify --rewrite`
    """

    async def work(session: Session) -> "tuple[list[Finding], set[tuple[str, str]]]":
        from projections import supplier_capacity as queries
        from projections.capacity_files import CapacityFileFailed

        try:
            await session.bring_current()
        except Exception as error:  # a file that cannot be written is what we are here to find
            found = problem_of(error)
            if found is None or found.code not in ("not-current", "capacity-file-failed"):
                raise
            note(f"Warning: {found.message}")
        opened = await session.service.read(queries.all_scenarios)
        keys = [(each.line, each.scenario) for each in opened]
        capacity_files = session.service.capacity_files
        findings = await asyncio.to_thread(capacity_files.verify, keys)
        rewritten = set()
        for each in findings:
            if rewrite and not dry_run and each.status != "ok":
                try:
                    await asyncio.to_thread(capacity_files.rewrite, each.line, each.scenario)
                    rewritten.add((each.line, each.scenario))
                except CapacityFileFailed as failure:  # one failure never stops the rest
                    note(f"Warning: {failure}")
        return findings, rewritten

    findings, rewritten = door.run(work)
    wrong = [each for each in findings if each.status != "ok"]
    if len(wrong) > len(rewritten):
        door.exit_code = ExitCode.FOUND_WRONG
    documents = [
        each._asdict()
        | {"path": str(each.path), "rewritten": (each.line, each.scenario) in rewritten}
        for each in findings
    ]
    sentence = (
        f"{many(len(findings), 'capacity file')}, all as they should be."
        if not wrong
        else f"{len(wrong)} of {many(len(findings), 'capacity file')} not ok"
        + (f", {len(rewritten)} written anew." if rewritten else _advice(rewrite))
    )
    rows = [
        (
            each.line,
            each.scenario,
            each.status,
            _MEANING["rewritten" if (each.line, each.scenario) in rewritten else each.status],
            each.path,
        )
        for each in findings
    ]
    if not findings:
        return door.answer([], "No scenario is open, so there are no capacity files.")
    door.answer(documents, sentence, table(("Line", "Scenario", "Found", "", "File"), rows))


def _advice(rewrite: bool) -> str:
    return "; they would be written anew." if rewrite else "; --rewrite writes them anew."
