"""Commands about the ledger itself: whether it is what was written, and what its seal is."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Look
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import many, progress_bar
from interfaces.cli.problems import Usage

if TYPE_CHECKING:
    from application.ledger.audit import Seal, Verdict

audit = group("audit", "The ledger itself: whether anybody has changed what was written.")


@command(audit, "verify")
def verify(
    door: Door,
    seal: Annotated[
        str, typer.Option(help="A seal that was kept, to compare the ledger with.", metavar="SEAL")
    ] = "",
) -> None:
    """Follow the link of every event to the one before it in its aggregate.

    Exit code 1 if a link is broken, or if the ledger is not the one that was sealed.

    **Example:** `capacity audit verify --seal "$(cat seal.txt)"`
    """
    from application.ledger import audit as auditing

    try:
        kept = auditing.read_seal(seal) if seal else None
    except auditing.NoSeal as no_seal:
        raise Usage(f"--seal: {no_seal}") from None

    async def work(look: Look) -> "tuple[Verdict, Seal | None]":
        log = look.log
        with progress_bar("Following links", max(1, log.head())) as bar:
            verdict = await asyncio.to_thread(
                auditing.verify, log, lambda done, total: bar.update(0, completed=done)
            )
        found = None
        if kept is not None:
            found = await asyncio.to_thread(auditing.seal, log, until=kept.position)
        return verdict, found

    verdict, found = door.look(work)
    sealed = None if kept is None else found == kept
    lines = [_verdict(verdict)]
    if kept is not None:
        said = "is" if sealed else "IS NOT"
        lines.append(f"Up to position {kept.position} the ledger {said} what was sealed.")
    door.answer(
        {
            "events": verdict.events,
            "aggregates": verdict.aggregates,
            "unlinked_events": verdict.unlinked_events,
            "broken_links": verdict.broken_links,
            "first_broken": verdict.first_broken and verdict.first_broken._asdict(),
            "sealed": sealed,
        },
        *lines,
    )
    if verdict.broken_links or sealed is False:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _verdict(verdict: "Verdict") -> str:
    looked_at = f"{many(verdict.events, 'event')} of {many(verdict.aggregates, 'aggregate')}"
    if verdict.unlinked_events:
        looked_at += f", {verdict.unlinked_events} of them stored before there was a chain"
    if verdict.first_broken is None:
        return f"Every link holds: {looked_at}."
    first = verdict.first_broken
    return (
        f"{many(verdict.broken_links, 'broken link')} in {looked_at}. The first: position "
        f"{first.position}, {first.topic}, version {first.version} of {first.aggregate_id}, "
        "is not linked to the event stored before it."
    )


@command(audit, "seal")
def seal(
    door: Door,
    until: Annotated[
        int | None, typer.Option(help="The last position to seal; the newest if not said.", min=0)
    ] = None,
) -> None:
    """Print a digest of the whole ledger; keep it elsewhere, and compare by `audit verify`.

    **Example:** `capacity audit seal > seal.txt`
    """
    from application.ledger import audit as auditing

    async def work(look: Look) -> "Seal":
        log = look.log
        head = log.head()
        if until is not None and until > head:
            raise Usage(f"--until: found {until}, the ledger ends at position {head}")
        with progress_bar("Sealing", max(1, head if until is None else until)) as bar:
            return await asyncio.to_thread(
                auditing.seal,
                log,
                until=until,
                progress=lambda done, total: bar.update(0, completed=done),
            )

    found = door.look(work)
    document = {"seal": str(found), **found._asdict()}
    door.answer(document, str(found))
