"""Which files a workflow reads and writes: derived from folder and scenario, or as they are named.

What is named wins, one by one. Only one of folder and scenario derives nothing.
"""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from domain.names import file_name_fault, shown
from interfaces.files.handed_in import InputRefused

CONSTELLATIONS = ("p1m1m2c", "p1m1c1m2c2", "p1m1c1_p2m2c2", "p1m1_p2m2")
NamedPath = str | PathLike[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFiles:
    """The files that the caller names; the rest are derived."""

    registrations_file: NamedPath = None
    offers_file: NamedPath = None
    capacity_file: NamedPath = None
    matches_file: NamedPath = None
    pos_file: NamedPath = None
    stats_file: NamedPath = None
    incentives_file: NamedPath = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFiles:
    """Where everything lies; the names of result files begin with line, constellation and model."""

    registrations: Path
    offers: Path
    capacity: Path
    matches: Path
    pos: Path
    stats: Path
    incentives: Path | None


def workflow_files(
    *,
    constellation: str,
    model: str,
    business_line: str,
    data_dir: NamedPath = None,
    scenario: str | None = None,
    named: NamedFiles = NamedFiles(),
) -> WorkflowFiles:
    """Return the files of one run. Raises InputRefused naming every fault."""
    _check_names(constellation, model, business_line, scenario)
    derived = _derived(constellation, data_dir, scenario)
    prefix = f"{business_line}_{constellation}_{model}_"

    def path(name: str) -> Path:
        given: NamedPath = getattr(named, f"{name}_file")
        return Path(given) if given else derived[name]

    def result(name: str) -> Path:
        unprefixed = path(name)
        return unprefixed.with_name(prefix + unprefixed.name)

    return WorkflowFiles(
        registrations=path("registrations"),
        offers=path("offers"),
        capacity=path("capacity"),  # no prefix: all models of a scenario share one count
        matches=result("matches"),
        pos=result("pos"),
        stats=result("stats"),
        incentives=Path(named.incentives_file) if named.incentives_file else None,
    )


def _derived(constellation: str, data_dir: NamedPath, scenario: str | None) -> dict[str, Path]:
    if not data_dir or not scenario:
        names = ("registrations", "offers", "capacity", "matches", "pos")
        return {name: Path(f"{name}.json") for name in names} | {"stats": Path("stats.csv")}
    folder = Path(data_dir)
    return {
        "registrations": folder / "registrations" / f"{scenario}.json",
        "offers": folder / "offers" / "base_offers.json",
        "capacity": folder / "capacity" / f"{scenario}.json",
        "matches": folder / "results" / f"{constellation}_matches.json",
        "pos": folder / "results" / f"{constellation}_pos.json",
        "stats": folder / "results" / f"{constellation}_stats.csv",
    }


def _check_names(constellation: str, model: str, business_line: str, scenario: str | None) -> None:
    faults = []
    if constellation not in CONSTELLATIONS:
        allowed = ", ".join(CONSTELLATIONS)
        faults.append(("/constellation", f"found {shown(constellation)}, allowed are {allowed}"))
    for field, name in (("model", model), ("business_line", business_line)):
        if fault := file_name_fault(name):
            faults.append((f"/{field}", fault))
    if scenario and (fault := file_name_fault(scenario)):
        faults.append(("/scenario", fault))
    if faults:
        raise InputRefused(*faults)
