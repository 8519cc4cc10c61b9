"""The reading side of one process: the log, the read models, the projector and capacity files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from application.ledger.reader import LedgerLog
from domain.suppliers import ScenarioNotFound
from interfaces.ledger_alone import log_of
from interfaces.settings import Settings
from projections import access_records, supplier_capacity
from projections.capacity_files import CapacityFiles
from projections.catalogue import PROJECTIONS
from projections.database import open_read_models
from projections.past_files import PastFiles
from projections.projector import Projector


@dataclass(frozen=True, slots=True)
class ReadingSide:
    """What follows the ledger; nothing moves until somebody runs the projector."""

    log: LedgerLog
    engine: Engine
    projector: Projector
    files: CapacityFiles
    past_files: PastFiles


@contextmanager
def open_reading_side(settings: Settings) -> Iterator[ReadingSide]:
    """Open log and read models, making the read models' tables where they are missing."""
    log = log_of(settings)
    engine = open_read_models(settings.views_url)
    try:
        files = CapacityFiles(engine, settings.data_dir, capacity_document)
        files.create_table()
        access_records.create_tables(engine)
        past_files = PastFiles(log, PROJECTIONS, settings.past_dir, limits=settings.past_limits)
        yield ReadingSide(log, engine, Projector(log, engine, PROJECTIONS), files, past_files)
    finally:
        log.close()
        engine.dispose()


def capacity_document(
    connection: Connection, *, line: str, scenario: str
) -> tuple[dict[str, Any], int, str]:
    """Answer what a capacity file shows, at which position, and at which path."""
    opened = supplier_capacity.scenario(connection, line=line, scenario=scenario)
    document = supplier_capacity.capacity_document(connection, line=line, scenario=scenario)
    if opened is None or document is None:
        raise ScenarioNotFound(line, scenario)
    return document, supplier_capacity.position(connection), opened.capacity_file
