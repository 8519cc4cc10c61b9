"""The workflow: registrations in, each matched and booked once, results and capacity file out.

Whatever becomes of one registration, the next begins with the offers and counts as they are then.
"""

from collections.abc import Mapping
from math import inf

from domain.names import shown
from interfaces.files.asking import Asked
from interfaces.files.carrying_out import Callables, FilesNotWritten, Plan, carry_out
from interfaces.files.handed_in import InputRefused
from interfaces.files.workflow_files import NamedFiles, NamedPath, workflow_files
from interfaces.files.workflow_summary import WorkflowSummary
from interfaces.service import Clock, utc_now

__all__ = ["FilesNotWritten", "InputRefused", "WorkflowSummary", "run_workflow"]

TIMEOUT_SECONDS = 60.0


async def run_workflow(
    *,
    business_line: str,
    constellation: str = "p1m1m2c",
    model: str = "rule",
    data_dir: NamedPath = None,
    scenario: str | None = None,
    max_items: int | None = 10,
    registrations_file: NamedPath = None,
    offers_file: NamedPath = None,
    capacity_file: NamedPath = None,
    matches_file: NamedPath = None,
    pos_file: NamedPath = None,
    stats_file: NamedPath = None,
    incentives_file: NamedPath = None,
    matcher: Asked | None = None,
    matcher_timeout_seconds: float = TIMEOUT_SECONDS,
    pricing: Asked | None = None,
    pricing_timeout_seconds: float = TIMEOUT_SECONDS,
    aliases: Mapping[str, str] | None = None,
    resync: bool = False,
    actor: str = "workflow",
    reason: str = "",
    progress: bool = True,
    clock: Clock = utc_now,
) -> WorkflowSummary:
    """Match and book the first registrations of a file, and write matches, orders and stats.

    `matcher(registration, offers)` and `pricing(match, offer, incentives)` may be async or not;
    without them the choosing rule chooses and the offers say the price. `max_items` None takes
    all. `aliases`, suppliers by other spellings, replace those that were set for the line, if any
    are given. `resync` takes over offers that have changed since the scenario began.

    Raises InputRefused or another ValueError before anything is booked; FilesNotWritten, with the
    summary, if a result file could not be written; and CapacityNotKept if ledger or capacity file
    cannot be written now. After either the same call goes on where this one was.
    """
    callables = Callables(
        matcher=matcher,
        matcher_timeout_seconds=matcher_timeout_seconds,
        pricing=pricing,
        pricing_timeout_seconds=pricing_timeout_seconds,
    )
    _check(max_items, aliases, callables)
    named = NamedFiles(
        registrations_file=registrations_file,
        offers_file=offers_file,
        capacity_file=capacity_file,
        matches_file=matches_file,
        pos_file=pos_file,
        stats_file=stats_file,
        incentives_file=incentives_file,
    )
    files = workflow_files(
        constellation=constellation,
        model=model,
        business_line=business_line,
        data_dir=data_dir,
        scenario=scenario,
        named=named,
    )
    plan = Plan(
        constellation=constellation,
        model=model,
        business_line=business_line,
        scenario=scenario,
        files=files,
        max_items=max_items,
        callables=callables,
        aliases=aliases,
        resync=resync,
        actor=actor,
        reason=reason,
        progress=progress,
        clock=clock,
    )
    return await carry_out(plan)


def _check(max_items: object, aliases: object, callables: Callables) -> None:
    """Raise InputRefused naming every argument that means nothing."""
    faults = []
    if max_items is not None and (
        isinstance(max_items, bool) or not isinstance(max_items, int) or max_items < 0
    ):
        detail = f"found {shown(max_items)}, a whole number from 0, or None for all, is needed"
        faults.append(("/max_items", detail))
    if aliases is not None and not _are_texts(aliases):
        faults.append(("/aliases", f"found {shown(aliases)}, a dict of texts is needed"))
    for name in ("matcher", "pricing"):
        asked, field = getattr(callables, name), f"{name}_timeout_seconds"
        if asked is not None and not callable(asked):
            faults.append((f"/{name}", f"found {shown(asked)}, a callable is needed"))
        if not _is_time_limit(seconds := getattr(callables, field)):
            faults.append((f"/{field}", f"found {shown(seconds)}, seconds above zero are needed"))
    if faults:
        raise InputRefused(*faults)


def _are_texts(found: object) -> bool:
    """Whether something is a mapping from text to text."""
    if not isinstance(found, Mapping):
        return False
    return all(isinstance(text, str) for pair in found.items() for text in pair)


def _is_time_limit(seconds: object) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return 0 < seconds < inf
