"""The workflow: registrations in, each matched and booked once, results and capacity file out.

Whatever becomes of one registration, the next begins with the offers and counts as they are then.
"""

from contextlib import suppress
from dataclasses import dataclass
from math import inf

from domain.names import shown
from domain.suppliers.choosing import Registration
from interfaces.files import handed_in
from interfaces.files.asking import Asked
from interfaces.files.handed_in import InputRefused
from interfaces.files.matching import RULE_CHUNK, ByMatcher, ByRule, Matching
from interfaces.files.pricing import Pricing
from interfaces.files.products import Products
from interfaces.files.progress import progress_bar
from interfaces.files.result_files import ResultFiles, ResultsNotWritten
from interfaces.files.workflow_count import Count, CountAsked
from interfaces.files.workflow_files import (
    NamedFiles,
    NamedPath,
    workflow_files,
)
from interfaces.files.workflow_run import Item, Run, Unreadable, read_items
from interfaces.files.workflow_summary import WorkflowSummary
from interfaces.service import Clock, utc_now

TIMEOUT_SECONDS = 60.0


class FilesNotWritten(OSError):
    """What was done is booked, and told by `summary`; a file on disk does not show it."""

    def __init__(self, summary: WorkflowSummary, faults: tuple[str, ...]) -> None:
        self.summary, self.faults = summary, faults
        super().__init__("; ".join(faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Callables:
    """What the caller puts in the place of the choosing rule and of the offers' prices."""

    matcher: Asked | None
    matcher_timeout_seconds: float
    pricing: Asked | None
    pricing_timeout_seconds: float


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
    resync: bool = False,
    actor: str = "workflow",
    reason: str = "",
    progress: bool = True,
    clock: Clock = utc_now,
) -> WorkflowSummary:
    """Match and book the first registrations of a file, and write matches, orders and stats.

    `matcher(registration, offers)` and `pricing(match, offer, incentives)` may be async or not;
    without them the choosing rule chooses and the offers say the price. `max_items` None takes
    all. `resync` takes over offers that have changed since the scenario began.

    Raises InputRefused, a ValueError, before anything is booked; FilesNotWritten, with the
    summary, if a result file or the capacity file could not be written; and LedgerUnavailable.
    """
    _check_limits(
        max_items,
        matcher_timeout_seconds=matcher_timeout_seconds,
        pricing_timeout_seconds=pricing_timeout_seconds,
    )
    _check_callables(matcher=matcher, pricing=pricing)
    files = workflow_files(
        constellation=constellation,
        model=model,
        business_line=business_line,
        data_dir=data_dir,
        scenario=scenario,
        named=NamedFiles(
            registrations_file=registrations_file,
            offers_file=offers_file,
            capacity_file=capacity_file,
            matches_file=matches_file,
            pos_file=pos_file,
            stats_file=stats_file,
            incentives_file=incentives_file,
        ),
    )
    items = read_items(handed_in.read_registrations(files.registrations, max_items))
    incentives = None
    if files.incentives is not None:
        incentives = handed_in.read_json("incentives_file", files.incentives)
    asked = CountAsked(
        files=files,
        offers_document=handed_in.read_bytes("offers_file", files.offers),
        registration_ids=list(_registrations(items)),
        resync=resync,
        actor=actor,
        reason=reason or f"workflow {constellation} {model}",
        clock=clock,
    )
    callables = _Callables(
        matcher=matcher,
        matcher_timeout_seconds=matcher_timeout_seconds,
        pricing=pricing,
        pricing_timeout_seconds=pricing_timeout_seconds,
    )
    count, results = Count(asked), ResultFiles(files)
    await count.begin()
    try:
        run = _run(count, callables, incentives, items, results)
        with progress_bar("Matching", len(items), wanted=progress) as advance:
            await run.all(items, advance)
    except BaseException:
        with suppress(OSError):  # why it ended says more
            results.write()
        raise
    summary = WorkflowSummary(
        constellation=constellation,
        model=model,
        business_line=business_line,
        scenario=scenario or count.scenario,
        registrations=tuple(run.dealt[place] for place in sorted(run.dealt)),
        messages=tuple(count.messages),
        files=files,
    )
    try:
        results.write()
    except ResultsNotWritten as failure:
        raise FilesNotWritten(summary, (str(failure),)) from failure
    return summary


def _run(
    count: Count,
    callables: _Callables,
    incentives: object,
    items: list[Item | Unreadable],
    results: ResultFiles,
) -> Run:
    products = Products(count.offers)
    matching: Matching
    if callables.matcher is None:
        # A slot that a failing price gives back must be there for the next to choose.
        matching = ByRule(count, chunk=1 if callables.pricing else RULE_CHUNK)
    else:
        matching = ByMatcher(
            count,
            callables.matcher,
            timeout_seconds=callables.matcher_timeout_seconds,
            registrations=_registrations(items),
            products=products,
        )
    pricing = Pricing(
        callables.pricing,
        timeout_seconds=callables.pricing_timeout_seconds,
        incentives=incentives,
        products=products,
    )
    if incentives is not None and callables.pricing is None:
        told = "incentives are for a pricing callable; without one no subsidy is worked out"
        count.messages.append(told)
    return Run(count, matching, pricing, products, results)


def _registrations(items: list[Item | Unreadable]) -> dict[str, Registration]:
    read = [each.registration for each in items if isinstance(each, Item)]
    return {each.registration_id: each for each in read}


def _check_limits(max_items: object, **timeouts_seconds: object) -> None:
    faults = []
    if max_items is not None and (
        isinstance(max_items, bool) or not isinstance(max_items, int) or max_items < 0
    ):
        detail = f"found {shown(max_items)}, a whole number from 0, or None for all, is needed"
        faults.append(("/max_items", detail))
    for name, seconds in timeouts_seconds.items():
        if not _is_time_limit(seconds):
            faults.append((f"/{name}", f"found {shown(seconds)}, seconds above zero are needed"))
    if faults:
        raise InputRefused(*faults)


def _check_callables(**given: object) -> None:
    for name, found in given.items():
        if found is not None and not callable(found):
            raise InputRefused((f"/{name}", f"found {shown(found)}, a callable is needed"))


def _is_time_limit(seconds: object) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return 0 < seconds < inf
