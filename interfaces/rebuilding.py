"""Rebuilds as people ask for them: in this process, or in one of its own that a server watches.

The process reads one line, what to do, and ends with its input, keeping what is built, or at a
byte, dropping it. It says how far it is, and what became of it, in JSON lines.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from domain.errors import Invalid
from domain.names import shown
from interfaces.ledger_alone import log_of
from interfaces.reading_side import open_reading_side
from interfaces.settings import Settings
from projections.beside import RebuildRefused
from projections.building import Manner, Stage, Tell
from projections.capacity_files import CapacityFileFailed
from projections.catalogue import PROJECTIONS
from projections.closing import Wish
from projections.database import open_read_models, reading
from projections.folding import EventFailed
from projections.log import PastLog
from projections.projection import Projection, chosen_of
from projections.rebuilding import Rebuilt, drop, rebuild
from projections.supplier_capacity import all_scenarios
from projections.workers import Sources

MAX_JOBS = 64


class RebuildRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be rebuilt, and what is to become of it."""

    projections: tuple[str, ...] = ()  # none: all
    verify: bool = False
    switch: bool | None = None  # None: unless it was verified and differs
    until: str = ""  # a position, or a moment with its time zone
    jobs: int = 1
    only: str = ""  # COLUMN=VALUE
    anew: bool = False


class Told(Struct, frozen=True):
    """How far a rebuild is: so much of one stage is done."""

    stage: Stage
    done: int
    total: int


class Ended(Struct, frozen=True):
    """How the process of a rebuild ended: with a result, or with a problem in words."""

    rebuilt: Rebuilt | None = None
    problem: str = ""
    code: str = ""


class Cancelled(Exception):
    """Whoever asked for a rebuild does not want it any more."""


class Abandoned(Exception):
    """Whoever asked for a rebuild is gone; it can go on later."""


@contextmanager
def open_sources(settings: Settings) -> Iterator[Sources]:
    """Open what a rebuild reads and writes, and nothing else."""
    log = log_of(settings)
    engine = open_read_models(settings.views_url)
    try:
        yield Sources(log, engine, PROJECTIONS)
    finally:
        log.close()
        engine.dispose()


def run_rebuild(settings: Settings, request: RebuildRequest, tell: Tell) -> Rebuilt:
    """Do what is asked for. Raises Invalid, and what `rebuild` raises."""
    chosen = chosen_of(PROJECTIONS, request.projections)
    if faults := request_faults(request, chosen):
        raise Invalid(*faults)
    with closing(log_of(settings)) as log:
        until = _until(request.until, log)
    column, _, value = request.only.partition("=")
    return rebuild(
        partial(open_sources, settings),
        [each.name for each in chosen],
        manner=Manner(
            budget_bytes=settings.rebuild_budget_bytes,
            jobs=request.jobs,
            folder=settings.rebuild_dir,
            anew=request.anew,
        ),
        wish=Wish(
            verify=request.verify,
            switch=request.switch,
            until=until,
            only=(column, value) if request.only else None,
        ),
        tell=tell,
    )


def request_faults(request: RebuildRequest, chosen: Sequence[Projection]) -> list[tuple[str, str]]:
    """Return what cannot be had, as pairs of a JSON pointer and what stands there."""
    return [*_option_faults(request), *_only_faults(request.only, chosen)]


def _option_faults(request: RebuildRequest) -> Iterator[tuple[str, str]]:
    if not 1 <= request.jobs <= MAX_JOBS:
        yield "/jobs", f"found {request.jobs}, a whole number from 1 to {MAX_JOBS} is needed"
    for name in ("verify", "switch", "only"):
        if request.until and getattr(request, name):
            yield f"/{name}", "cannot be had with until: the live rows are at another position"


def _only_faults(only: str, chosen: Sequence[Projection]) -> Iterator[tuple[str, str]]:
    column, equals, value = only.partition("=")
    if only and not (column and equals and value):
        yield "/only", f"found {shown(only)}, KEY=VALUE is needed"
        return
    for each in chosen:
        if only and column not in each.divided_by:
            known = ", ".join(each.divided_by) or "none"
            yield "/only", f"found {shown(column)}, keys of {each.name} are: {known}"


def _until(text: str, log: PastLog) -> int | None:
    """Return the position that a text names: itself, or the last one at a moment."""
    if not text:
        return None
    head = log.head()
    if text.isascii() and text.isdecimal() and len(text) < 20:
        if int(text) > head:
            raise Invalid(("/until", f"found {text}, the ledger ends at position {head}"))
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        detail = f"found {shown(text)}, a position or a moment with its time zone is needed"
        raise Invalid(("/until", detail))
    return log.position_at(moment)


def write_files(settings: Settings) -> None:
    """Write the capacity files whose content is another after a switch; the rest stay untouched.

    What somebody else changed is left alone, as always, and what fails is tried by the follower.
    """
    with open_reading_side(settings) as side:
        with reading(side.engine).connect() as connection:
            opened = all_scenarios(connection)
        for each in opened:
            with suppress(CapacityFileFailed):
                side.files.write(each.line, each.scenario)


# The process.


def main() -> None:
    """Do what one line on the input asks for, and end when the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server, which decides
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asked = msgspec.json.decode(sys.stdin.buffer.readline())
    settings = Settings.model_validate(asked["settings"])
    request = msgspec.convert(asked["request"], RebuildRequest)
    input_watch = _InputWatch()
    threading.Thread(target=input_watch.run, daemon=True).start()

    def tell(stage: Stage, done: int, total: int) -> None:
        input_watch.check()
        _say(Told(stage, done, total))

    _say(_ended(settings, request, tell))


def _ended(settings: Settings, request: RebuildRequest, tell: Tell) -> Ended:
    try:
        rebuilt = run_rebuild(settings, request, tell)
        if rebuilt.switched:
            write_files(settings)
        return Ended(rebuilt)
    except Cancelled:
        with open_sources(settings) as sources:
            drop(sources, request.projections, folder=settings.rebuild_dir)
        return Ended(problem="Cancelled; what was built is dropped", code="cancelled")
    except Abandoned:
        return Ended(problem="Its server has ended; the same rebuild goes on", code="abandoned")
    except Invalid as error:
        return Ended(problem=str(error), code="invalid")
    except (EventFailed, RebuildRefused, ConnectionError) as error:
        return Ended(problem=str(error), code="rebuild-refused")
    except Exception as error:
        structlog.get_logger(__name__).exception("a rebuild failed")
        return Ended(problem=f"It failed: {type(error).__name__}", code="failed")


class _InputWatch:
    """What the input has come to; it is looked at between two steps of the work."""

    def __init__(self) -> None:
        self._stop: type[Exception] | None = None

    def run(self) -> None:
        self._stop = Cancelled if os.read(0, 1) else Abandoned

    def check(self) -> None:
        if self._stop is not None:
            raise self._stop


def _say(message: Any) -> None:
    line = msgspec.json.encode(message) + b"\n"
    try:
        while line:
            line = line[os.write(1, line) :]
    except BrokenPipeError:  # nobody listens, and the input has ended too
        return


if __name__ == "__main__":
    main()
