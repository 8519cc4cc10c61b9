"""The four functions that people already call, with the ledger behind them.

They take and answer what the original's do, and keep the same file; docs/drop_in.md names every
departure. A call that changes something returns when the ledger and the file are both on disk.
"""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from domain.suppliers import SupplierNotFound
from interfaces.files.errors import CapacityFileInvalid, CapacityTrackerError
from interfaces.files.keeper import KEEPER
from interfaces.files.matches import last_match, not_found, read_match
from interfaces.files.offers import fresh_capacity_file
from interfaces.files.places import Place, place_of
from interfaces.files.tracked_file import Work, command_of
from interfaces.identity import fresh_id
from interfaces.service import Service

PathGiven = str | Path

_log = structlog.get_logger(__name__)


async def initialize_capacity_file(offers_file: PathGiven, capacity_file: PathGiven) -> Any:
    """Return what a capacity file says, made from the offers if there is none.

    Raises a ValueError that says why it cannot be made or read.
    """
    try:
        await _under_lock(capacity_file, _nothing, partial(fresh_capacity_file, offers_file))
    except CapacityFileInvalid as invalid:  # what can be read is returned, and not counted on
        _log.warning("capacity_file_not_adopted", error=str(invalid))
    return await get_available_capacity(capacity_file)


async def update_supplier_capacity(
    match_data: object, offers_file: PathGiven, capacity_file: PathGiven
) -> str:
    """Take one slot for the last of the matches, and say so.

    A match with a registration_id counts once, one without counts at each call. Raises a
    ValueError that says why it does not count.
    """
    counted = partial(_count, match=last_match(match_data))
    await _under_lock(capacity_file, counted, partial(fresh_capacity_file, offers_file))
    return f"Successfully updated supplier capacity in {capacity_file}"


async def get_available_capacity(capacity_file: PathGiven) -> Any:
    """Return what a capacity file says, whatever it is. Raises a ValueError if it says nothing."""
    return await asyncio.to_thread(_parsed, capacity_file)


async def reset_capacity(capacity_file: PathGiven) -> str:
    """Count from zero again, and say so; the history keeps what was counted."""
    await _under_lock(capacity_file, _reset, None)
    return f"Successfully reset capacity in {capacity_file}"


async def _under_lock(
    capacity_file: PathGiven, work: Work, fresh: Callable[[], bytes] | None
) -> None:
    place = await asyncio.to_thread(_prepared, capacity_file, fresh)
    await asyncio.wrap_future(KEEPER.submit(place, work, fresh))


def _prepared(capacity_file: PathGiven, fresh: Callable[[], bytes] | None) -> Place:
    """Return where the ledger lies, once it is known that there will be a file to count in.

    So a call that cannot succeed leaves neither folder nor ledger behind.
    """
    if fresh is None:
        _check_exists(capacity_file)
    elif not Path(capacity_file).exists():
        fresh()
    return place_of(capacity_file)


# What is done under the file's lock.


async def _nothing(service: Service, place: Place) -> None:
    return None


async def _count(service: Service, place: Place, *, match: dict[str, Any]) -> None:
    counted = read_match(match)
    try:
        await service.suppliers.count(
            command_of(service, "a match"),
            line=place.line,
            scenario=place.scenario,
            match=counted,
            slot_id=fresh_id(),
        )
    except SupplierNotFound:
        raise not_found(counted.supplier) from None


async def _reset(service: Service, place: Place) -> None:
    command = command_of(service, "a reset")
    await service.suppliers.reset(command, line=place.line, scenario=place.scenario)


# Reading: the file alone is asked, for it shows whatever was acknowledged.


def _parsed(capacity_file: PathGiven) -> Any:
    _check_exists(capacity_file)
    try:
        return json.loads(Path(capacity_file).read_bytes().decode())
    except OSError as error:
        fault = error.strerror or str(error)
    except UnicodeDecodeError as error:
        fault = f"byte {error.start} is not UTF-8"
    except json.JSONDecodeError as error:
        fault = f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError) as error:
        fault = f"no JSON: {error}"
    raise CapacityFileInvalid(capacity_file, [("", fault)])


def _check_exists(capacity_file: PathGiven) -> None:
    if not Path(capacity_file).exists():
        raise CapacityTrackerError(f"Capacity file not found: {capacity_file}")
