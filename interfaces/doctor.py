"""One verdict on an installation: what is wrong, and the command that mends each of it.

It only looks: nothing is created, followed or repaired here.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from msgspec import Struct
from sqlalchemy import Engine, inspect, select

from application.ledger import Ledger, SchemaMissing, SchemaNewer
from application.ledger.reader import LedgerLog
from domain.catalogue import UnknownTopic
from domain.stored import event_class_of
from interfaces.freshness import faults
from interfaces.ledger_alone import log_of
from interfaces.reading_side import capacity_document
from interfaces.service import store_of
from interfaces.settings import Settings
from projections import supplier_capacity
from projections.capacity_files import CapacityFiles
from projections.capacity_files import capacity_files as files_table
from projections.catalogue import PROJECTIONS
from projections.database import (
    VersionReplaced,
    now_us,
    open_read_models,
    projection_positions,
    reading,
)
from projections.statuses import projection_statuses, runners

CLOCKS_APART_SECONDS = 2.0

Clock = Callable[[], datetime]
Part = Literal["configuration", "schema", "topics", "projections", "capacity files", "clock"]
PARTS: tuple[Part, ...] = Part.__args__  # type: ignore[attr-defined] # what a Literal has


class Found(Struct, frozen=True):
    """Something that is wrong, or, if it is `harmless`, something that one may want to know."""

    part: Part
    problem: str
    mend: str
    harmless: bool = False


def examine(settings: Settings, *, clock: Clock) -> list[Found]:
    """Return what is found, part by part; what cannot be looked at is said by what hides it."""
    found = list(_configuration(settings))
    hidden = list(asyncio.run(_schema(settings, clock)))
    if hidden:
        return found + hidden
    log = log_of(settings)
    try:
        found += [*_topics(log), *_clock(log, clock)]
        found += _reading_side(settings, log, clock)
    finally:
        log.close()
    return found


def _configuration(settings: Settings) -> Iterator[Found]:
    folder = settings.data_dir.absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        mend = f"chmod u+rwx {existing}, or set CAPACITY_DATA_DIR"
        yield Found("configuration", f"capacity files cannot be written in {existing}", mend)
    if settings.database_url:
        return
    for path in (settings.ledger_file, settings.views_file):
        # SQLite writes a journal beside its file.
        for each in (path, path.absolute().parent):
            if each.exists() and not os.access(each, os.W_OK):
                yield Found("configuration", f"{each} cannot be written", f"chmod u+w {each}")


async def _schema(settings: Settings, clock: Clock) -> list[Found]:
    ledger = Ledger(store_of(settings), clock=clock, limits=settings.limits)
    try:
        await ledger.open()
        await ledger.close()
    except SchemaMissing as missing:
        return [Found("schema", str(missing), "capacity migrate")]
    except SchemaNewer as newer:
        return [Found("schema", str(newer), "install the program that migrated it")]
    except Exception as error:
        where = "the server that CAPACITY_DATABASE_URL names"
        mend = f"start {where}" if settings.database_url else f"look at {settings.ledger_file}"
        return [Found("schema", f"the ledger cannot be opened: {error}", mend)]
    return []


def _topics(log: LedgerLog) -> Iterator[Found]:
    for topic, events, first in log.topics():
        try:
            event_class_of(topic)
        except UnknownTopic:
            problem = f"no class claims {topic}: events stored: {events}, the first at {first}"
            mend = "install the program that wrote them, or `capacity projections skip`"
            yield Found("topics", problem, mend)


def _clock(log: LedgerLog, clock: Clock) -> Iterator[Found]:
    newest = log.newest_recorded_at()
    if newest is not None and (ahead := (newest - clock()).total_seconds()) > CLOCKS_APART_SECONDS:
        problem = f"the newest event was recorded {ahead:.0f} s in the future of this machine"
        yield Found("clock", problem, "timedatectl set-ntp true")


def _reading_side(settings: Settings, log: LedgerLog, clock: Clock) -> Iterator[Found]:
    make = "capacity projections run"
    if not settings.database_url and not settings.views_file.exists():
        yield Found("projections", "there are no read models yet", make, harmless=True)
        return
    with _engine(settings) as engine:
        if not inspect(engine).has_table(projection_positions.name):
            yield Found("projections", "there are no read models yet", make, harmless=True)
            return
        yield from _projections(settings, log, engine, clock)
        yield from _files(settings, engine)
        with reading(engine).connect() as connection:
            there_us = connection.scalars(select(now_us(connection))).one()
        apart = abs(there_us / 1e6 - clock().timestamp())
        if apart > CLOCKS_APART_SECONDS:
            problem = f"this machine's clock and the database's are {apart:.0f} s apart"
            yield Found("clock", problem, "timedatectl set-ntp true, on both")


def _projections(
    settings: Settings, log: LedgerLog, engine: Engine, clock: Clock
) -> Iterator[Found]:
    try:
        statuses = projection_statuses(log, engine, PROJECTIONS, clock=clock)
    except VersionReplaced as replaced:
        mend = "stop the older of the two programs; then `capacity projections run`"
        yield Found("projections", str(replaced), mend)
        return
    behind = any(each.lag_events for each in statuses)
    for fault in faults(statuses, runners(engine), fresh_seconds=settings.fresh_seconds):
        # Where nobody serves, each command brings the read models up to date itself.
        harmless = fault.about == "runner" and not behind
        problem = fault.problem if fault.about == "runner" else f"{fault.about}: {fault.problem}"
        yield Found("projections", problem, fault.mend, harmless)
    for each in statuses:
        if each.verified_seconds is None:
            problem = f"{each.name}: it was never verified"
            mend = f"capacity projections verify {each.name}"
            yield Found("projections", problem, mend, harmless=True)


def _files(settings: Settings, engine: Engine) -> Iterator[Found]:
    if not inspect(engine).has_table(files_table.name):
        return
    files = CapacityFiles(engine, settings.data_dir, capacity_document)
    try:
        with reading(engine).connect() as connection:
            opened = supplier_capacity.all_scenarios(connection)
        findings = files.verify({(each.line, each.scenario) for each in opened})
    except Exception as error:
        mend = "look at the folder, then `capacity files verify`"
        yield Found("capacity files", str(error), mend)
        return
    for finding in findings:
        if finding.status != "ok":
            problem = f"{finding.line}/{finding.scenario} is {finding.status}: {finding.path}"
            yield Found("capacity files", problem, "capacity files verify --rewrite")


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = open_read_models(settings.views_url)
    try:
        yield engine
    finally:
        engine.dispose()
