"""After the ledger was restored from an older backup: what knows too much, and how it is mended.

Read models that have seen what the ledger no longer holds are made anew. Capacity files of ours
are written anew; those of scenarios that the ledger does not know are set aside, because other
tools would go on believing them; those that somebody changed are left, and named.
"""

from pathlib import Path
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, select

from application.ledger.history import newest_version
from domain.suppliers import Scenario
from interfaces.service import Service
from projections import supplier_capacity
from projections.building import Tell
from projections.capacity_files import Status, capacity_files
from projections.database import reading

ASIDE = ".orphaned"

Action = Literal["rewrite", "set aside", "leave"]


class AheadProjection(Struct, frozen=True):
    """A projection, and how far it had come in a ledger that is no more."""

    name: str
    position: int


class FilePlan(Struct, frozen=True):
    """What is to be done about one capacity file, and why."""

    line: str
    scenario: str
    path: str
    action: Action
    why: str


class Plan(Struct, frozen=True):
    """What recovery would do; all projections are rebuilt if one of them is ahead."""

    head: int
    ahead: tuple[AheadProjection, ...]
    rebuild: tuple[str, ...]
    orphans: tuple[FilePlan, ...]

    @property
    def needed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.rebuild or self.orphans)


def plan(service: Service, *, everything: bool = False) -> Plan:
    """Say what recovery would do. Positions are read before the head: the head only grows."""
    positions = service.projector.positions()
    head = service.log.head()
    ahead = tuple(
        AheadProjection(name, position)
        for name, position in sorted(positions.items())
        if position > head
    )
    rebuild = tuple(sorted(positions)) if ahead or everything else ()
    return Plan(head, ahead, rebuild, _orphans(service))


def recover(service: Service, chosen: Plan, *, rewrite: bool, tell: Tell) -> list[FilePlan]:
    """Do what the plan says, and return what became of the capacity files."""
    done = [_set_aside(service, each) for each in chosen.orphans]
    if chosen.rebuild:
        service.projector.rebuild(
            chosen.rebuild,
            tell=tell,
            budget_bytes=service.settings.rebuild_budget_bytes,
        )
    return done + _files_written(service, rewrite=rewrite)


def _files_written(service: Service, *, rewrite: bool) -> list[FilePlan]:
    with reading(service.projection_engine).connect() as connection:
        opened = [
            (each.line, each.scenario) for each in supplier_capacity.all_scenarios(connection)
        ]
    written = []
    for each in service.capacity_files.verify(opened):
        action, why = _judged(each.status, rewrite=rewrite)
        if action == "rewrite":
            service.capacity_files.rewrite(each.line, each.scenario)
        written.append(FilePlan(each.line, each.scenario, str(each.path), action, why))
    return written


def _judged(status: Status, *, rewrite: bool) -> tuple[Action, str]:
    """Say what to do about a file of a scenario that the ledger knows."""
    if status in ("ok", "behind"):
        return "rewrite", "it is ours"
    if rewrite:
        return "rewrite", f"it was {status}, and is overwritten as asked"
    return "leave", f"it is {status}: since the backup, or by somebody; --rewrite overwrites it"


def _orphans(service: Service) -> tuple[FilePlan, ...]:
    """Return the files of scenarios that the ledger does not know."""
    columns = (capacity_files.c.line, capacity_files.c.scenario, capacity_files.c.path)
    with reading(service.projection_engine).connect() as connection:
        recorded = list(connection.execute(select(*columns).order_by(*columns)))
    return tuple(
        FilePlan(line, scenario, path, "set aside", "its scenario is not in the ledger")
        for line, scenario, path in recorded
        if not newest_version(service.log, _scenario_id(line, scenario))
    )


def _scenario_id(line: str, scenario: str) -> UUID:
    return Scenario.identity(line, scenario)


def _set_aside(service: Service, orphan: FilePlan) -> FilePlan:
    """Rename a file, so that nobody takes it for the truth; forget that it was written."""
    path = service.settings.data_dir / orphan.path
    aside = Path(f"{path}{ASIDE}")
    if path.is_file():
        path.replace(aside)
    here = (capacity_files.c.line == orphan.line, capacity_files.c.scenario == orphan.scenario)
    with service.projection_engine.begin() as connection:
        connection.execute(delete(capacity_files).where(*here))
    return FilePlan(orphan.line, orphan.scenario, str(aside), "set aside", orphan.why)
