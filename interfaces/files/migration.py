"""Migration: usage that stands in an offers file moves to a capacity file, counted by the ledger.

First a backup of the offers, then the capacity file, then the offers without usage: wherever it
stops, the same command again goes on from there, and a second time there is nothing to do.
"""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from domain.errors import Invalid
from domain.names import file_name_fault
from domain.suppliers.capacity_files import Count, capacity_document, printed, used_share
from domain.suppliers.offers import capacity_fault, parse_json, parse_offers
from interfaces.files.adoption import read_imported
from interfaces.files.counted_file import CountedFile
from interfaces.files.errors import CapacityNotKept
from interfaces.files.handed_in import InputRefused, read_bytes
from interfaces.service import Service
from projections.capacity_files import locked, replace_file

MAX_BACKUPS = 1_000
USAGE_KEYS = ("Used", "UsedPct")
SMART_DEFAULT = "base_offers"  # the only offers that smart defaults read
_OFFERS_PART = re.compile("(base_)?offers")
_SHARE_TOLERANCE = 0.005  # what two decimals leave open


class Migration(Struct, frozen=True):
    """What is to be done for one offers file; nothing, if it holds no usage."""

    offers: Path
    capacity: Path | None
    usages: tuple[Count, ...]
    warnings: tuple[str, ...]
    content: bytes  # of the offers as they were found
    text: bytes  # the same without usage

    @property
    def needed(self) -> bool:
        """Whether there is any usage to carry on."""
        return self.capacity is not None

    @property
    def capacity_text(self) -> bytes:
        """The capacity file that carries the usage on."""
        return printed(capacity_document(self.usages)).encode()


def plans(offers: Sequence[Path], *, scenario: str | None, otherwise: Path) -> list[Migration]:
    """Return what is to be done for several offers files. Raises InputRefused, before any is."""
    found: list[Migration] = []
    taken: dict[Path, Path] = {}
    for each in {each.resolve(): each for each in reversed(offers)}.values():
        named = partial(
            capacity_path, each, scenario=scenario, alone=len(offers) == 1, otherwise=otherwise
        )
        migration = plan(each, named)
        found.insert(0, migration)
        if (path := migration.capacity) is None:
            continue
        if (other := taken.setdefault(path.resolve(), each)) is not each:
            detail = f"the usage in {each} and in {other} would both go to {path}"
            raise InputRefused(("/capacity_file", f"{detail}; migrate them one by one"))
    return found


def plan(offers: Path, capacity: Callable[[], Path]) -> Migration:
    """Return what is to be done; `capacity` names the file, and is asked only if there is usage.

    Raises InputRefused naming every fault.
    """
    content = read_bytes("offers_file", offers)
    try:
        terms = parse_offers(content)
        document = parse_json(content)
        usages, warnings = _usages(document["SupplierOffers"])
    except InputRefused:
        raise
    except Invalid as invalid:
        faults = [(f"/offers_file{at}", f"{offers}: {what}") for at, what in invalid.faults]
        raise InputRefused(*faults) from None
    needed = any(key in each for each in document["SupplierOffers"] for key in USAGE_KEYS)
    counts = tuple(
        Count(each.supplier, each.capacity_slots, used, as_imported=False)
        for each, used in zip(terms, usages, strict=True)
    )
    migration = Migration(
        offers=offers,
        capacity=capacity() if needed else None,
        usages=counts,
        warnings=tuple(warnings),
        content=content,
        text=_without_usage(content, document),
    )
    _check_same_usage(migration)
    return migration


def _usages(offers: Sequence[dict[str, Any]]) -> tuple[list[int], list[str]]:
    faults, usages, warnings = [], [], []
    for index, offer in enumerate(offers):
        used, share = offer.get("Used"), offer.get("UsedPct")
        pointer = f"/SupplierOffers/{index}/Used"
        if "Used" not in offer and share:
            faults.append((pointer, f"missing, and UsedPct says {share}"))
        elif "Used" in offer and (fault := capacity_fault(used)):
            faults.append((pointer, fault))
        elif told := _disagreement(offer, used or 0):
            warnings.append(told)
        usages.append(used or 0)
    if faults:
        raise Invalid(*faults)
    return usages, warnings


def _disagreement(offer: dict[str, Any], used: int) -> str:
    name, capacity = offer["SupplierID"], offer["Capacity"]
    share = used_share(used, capacity)
    if "UsedPct" in offer:
        said = offer["UsedPct"]
        number = isinstance(said, int | float) and not isinstance(said, bool)
        if not number or abs(said - share) > _SHARE_TOLERANCE:
            told = f"{name}: UsedPct says {said!r}, but {used} of {capacity} used is {share}"
            return f"{told}; Used is kept"
    if used > capacity:
        return f"{name}: {used} of {capacity} used is {used - capacity} too many; Used is kept"
    return ""


def _without_usage(content: bytes, document: dict[str, Any]) -> bytes:
    """Return the offers as they were, but for the two keys: order, letters, end of file."""
    offers = [
        {key: value for key, value in each.items() if key not in USAGE_KEYS}
        for each in document["SupplierOffers"]
    ]
    text = json.dumps(
        document | {"SupplierOffers": offers}, indent=2, ensure_ascii=content.isascii()
    )
    return text.encode() + (b"\n" if content.endswith(b"\n") else b"")


def _check_same_usage(migration: Migration) -> None:
    """Raise InputRefused if the capacity file is there, and counts something else."""
    there = migration.capacity
    if there is None or not (there.exists() or there.is_symlink()):
        return
    found = {each.supplier: each.used_slots for each in read_imported(there).usages}
    wanted = {each.supplier: each.used_slots for each in migration.usages}
    differing = [name for name in wanted | found if wanted.get(name, 0) != found.get(name, 0)]
    if differing:
        names = ", ".join(differing[:5])
        detail = f"{there} is there already, and differs from {migration.offers} for {names}"
        raise InputRefused(("/capacity_file", f"{detail}; move one of the two away"))


# Where the usage goes.


def capacity_path(offers: Path, *, scenario: str | None, alone: bool, otherwise: Path) -> Path:
    """Return the capacity file for the usage in an offers file.

    Smart defaults read `base_offers` with a capacity file named for the scenario; that is what a
    scenario is for, unless the offers file is `alone`. Other offers are no scenario's: as in the
    original the "offers" in their name becomes "capacity". `otherwise` is the folder for offers
    that lie in none called offers. Raises InputRefused.
    """
    folder = _capacity_folder(offers, otherwise)
    smart = offers.stem == SMART_DEFAULT
    if scenario is not None and (alone or smart):
        if fault := file_name_fault(scenario):
            raise InputRefused(("/scenario", fault))
        return folder / f"{scenario}.json"
    if smart and (scenarios := _scenarios(folder.parent)):
        if len(scenarios) > 1:
            listed = ", ".join(scenarios)
            detail = f"found none, and usage of one scenario in {offers}; one of {listed} is needed"
            raise InputRefused(("/scenario", detail))
        return folder / f"{scenarios[0]}.json"
    return folder / f"{_renamed(offers.stem)}.json"


def _capacity_folder(offers: Path, otherwise: Path) -> Path:
    if offers.parent.name == "offers":
        return offers.parent.parent / "capacity"
    here = offers.absolute().parent  # the file may be named without its folder
    return here.parent / "capacity" if here.name == "offers" else otherwise


def _scenarios(data_dir: Path) -> list[str]:
    """Return the scenarios that smart defaults find in a folder."""
    return sorted(each.stem for each in (data_dir / "registrations").glob("*.json"))


def _renamed(stem: str) -> str:
    renamed, count = _OFFERS_PART.subn("capacity", stem, count=1)
    return renamed if count else f"capacity_{stem}"


# Doing it.


async def migrate(migration: Migration) -> Path:
    """Do what is planned, and return the backup of the offers.

    Raises InputRefused, CapacityTrackerError, and CapacityNotKept where a disk or ledger fails.
    """
    assert migration.capacity is not None  # it is needed
    try:
        backup = await asyncio.to_thread(_backed_up, migration)
        await CountedFile(migration.capacity).do(_nothing, lambda: migration.capacity_text)
        await asyncio.to_thread(_offers_rewritten, migration)
    except OSError as error:
        told = f"{migration.offers} is not migrated now: {error}"
        raise CapacityNotKept(told) from error
    return backup


async def _nothing(service: Service) -> None:
    """Leave it at the file that is there by now."""


def _backed_up(migration: Migration) -> Path:
    with locked(migration.offers):
        _check_unchanged(migration)
        path = _backup_path(migration)
        if not path.exists():
            replace_file(path, migration.content)
        return path


def _offers_rewritten(migration: Migration) -> None:
    _check_same_usage(migration)  # somebody else may have made the capacity file meanwhile
    with locked(migration.offers):
        _check_unchanged(migration)
        replace_file(migration.offers, migration.text)


def _check_unchanged(migration: Migration) -> None:
    if read_bytes("offers_file", migration.offers) != migration.content:
        detail = f"{migration.offers} was changed meanwhile; migrate it again"
        raise InputRefused(("/offers_file", detail))


def _backup_path(migration: Migration) -> Path:
    """Return where the backup lies, or shall lie: not called .json, and in place of no other."""
    offers = migration.offers
    for number in range(1, MAX_BACKUPS):
        path = offers.with_name(f"{offers.name}.backup" + (f"-{number}" if number > 1 else ""))
        if not path.exists() or path.read_bytes() == migration.content:
            return path
    raise InputRefused(("/offers_file", f"{offers} has {MAX_BACKUPS} backups already"))
