"""Carrying a workflow out: read everything, begin the count, run, and leave the results on disk."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from domain.suppliers.choosing import Registration
from interfaces.files import handed_in
from interfaces.files.asking import Asked
from interfaces.files.matching import RULE_CHUNK, ByMatcher, ByRule, Matching
from interfaces.files.pricing import Pricing
from interfaces.files.products import Products
from interfaces.files.progress import progress_bar
from interfaces.files.result_files import ResultFiles, ResultsNotWritten
from interfaces.files.workflow_count import Count, CountAsked
from interfaces.files.workflow_files import WorkflowFiles
from interfaces.files.workflow_run import Item, Run, Unreadable, read_items
from interfaces.files.workflow_summary import WorkflowSummary
from interfaces.service import Clock


class FilesNotWritten(OSError):
    """What was done is booked, and told by `summary`; a result file does not show it."""

    def __init__(self, summary: WorkflowSummary, why: str) -> None:
        self.summary = summary
        super().__init__(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callables:
    """What the caller puts in the place of the choosing rule and of the offers' prices."""

    matcher: Asked | None
    matcher_timeout_seconds: float
    pricing: Asked | None
    pricing_timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run as it was asked for."""

    constellation: str
    model: str
    business_line: str
    scenario: str | None
    files: WorkflowFiles
    max_items: int | None
    callables: Callables
    aliases: Mapping[str, str] | None
    resync: bool
    actor: str
    reason: str
    progress: bool
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Given:
    """What the files said before anything was booked."""

    items: list[Item | Unreadable]
    incentives: object
    count: Count
    results: ResultFiles

    @property
    def registrations(self) -> dict[str, Registration]:
        return _registrations(self.items)


async def carry_out(plan: Plan) -> WorkflowSummary:
    """Do what is planned. Raises InputRefused, FilesNotWritten and CapacityNotKept."""
    given = await asyncio.to_thread(_read, plan)
    await given.count.begin()
    run = _run(plan.callables, given)
    try:
        with progress_bar("Matching", len(given.items), wanted=plan.progress) as advance:
            await run.all(given.items, advance)
        await given.count.end(run.matched)
    except BaseException:
        with suppress(OSError):  # why it ended says more
            given.results.write()
        raise
    summary = _summary(plan, given.count, run)
    try:
        await asyncio.to_thread(given.results.write)
    except ResultsNotWritten as failure:
        raise FilesNotWritten(summary, str(failure)) from failure
    return summary


def _read(plan: Plan) -> _Given:
    """Read every file; whatever is wrong with one is found before anything is booked."""
    files = plan.files
    items = read_items(handed_in.read_registrations(files.registrations, plan.max_items))
    incentives = None
    if files.incentives is not None:
        incentives = handed_in.read_json("incentives_file", files.incentives)
    asked = CountAsked(
        files=files,
        offers_document=handed_in.read_bytes("offers_file", files.offers),
        registration_ids=list(_registrations(items)),
        aliases=plan.aliases,
        resync=plan.resync,
        actor=plan.actor,
        reason=plan.reason or f"workflow {plan.constellation} {plan.model}",
        clock=plan.clock,
    )
    return _Given(items, incentives, Count(asked), ResultFiles(files))


def _registrations(items: list[Item | Unreadable]) -> dict[str, Registration]:
    read = [each.registration for each in items if isinstance(each, Item)]
    return {each.registration_id: each for each in read}


def _run(callables: Callables, given: _Given) -> Run:
    count = given.count
    products = Products(count.offers)
    pricing = Pricing(
        callables.pricing,
        timeout_seconds=callables.pricing_timeout_seconds,
        incentives=given.incentives,
        products=products,
    )
    if given.incentives is not None and callables.pricing is None:
        told = "incentives are for a pricing callable; without one no subsidy is worked out"
        count.messages.append(told)
    return Run(count, _matching(callables, given, products), pricing, products, given.results)


def _matching(callables: Callables, given: _Given, products: Products) -> Matching:
    if callables.matcher is None:
        # A slot that a failing price gives back must be there for the next to choose.
        return ByRule(given.count, chunk=1 if callables.pricing else RULE_CHUNK)
    return ByMatcher(
        given.count,
        callables.matcher,
        timeout_seconds=callables.matcher_timeout_seconds,
        registrations=given.registrations,
        products=products,
    )


def _summary(plan: Plan, count: Count, run: Run) -> WorkflowSummary:
    return WorkflowSummary(
        constellation=plan.constellation,
        model=plan.model,
        business_line=plan.business_line,
        scenario=plan.scenario or count.scenario,
        registrations=tuple(run.dealt[place] for place in sorted(run.dealt)),
        messages=tuple(count.messages),
        files=plan.files,
    )
