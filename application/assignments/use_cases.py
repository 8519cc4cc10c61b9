"""What people do in planning: say who and what there is, assign people, set their hours."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from application.assignments import declaring, exports, hours, imports, steps
from application.assignments.names import PersonNames
from application.assignments.results import (
    Ended,
    Forgotten,
    HoursChange,
    HoursChanged,
    Mapped,
    PlanningImported,
    Written,
)
from application.assignments.spools import PlanSpool
from application.ledger import Command, Ledger, Outcome, UnitOfWork
from domain.assignments import (
    AssignmentFacts,
    DepartmentFacts,
    Person,
    PersonFacts,
    ProjectFacts,
    ProjectRoleFacts,
    RoleFacts,
    RoleMappingFacts,
    VerticalFacts,
)
from domain.assignments.documents import Given, PlanningReader
from domain.assignments.json_documents import json_records
from domain.assignments.records import nobody_fault
from domain.assignments.weeks import MAX_WEEK_HOURS
from domain.errors import Invalid
from domain.versions import Seen


class Planning:
    """The use cases of the assignments context; each loads, decides and saves through the ledger.

    `expected` is what the caller saw: OtherVersion is raised unless it stands when it is decided.
    """

    def __init__(
        self, ledger: Ledger, names: PersonNames, *, week_limit_hours: int = MAX_WEEK_HOURS
    ) -> None:
        self._ledger, self._names = ledger, names
        self.week_limit_hours = week_limit_hours

    # Who and what there is.

    async def declare_vertical(
        self, command: Command, *, facts: VerticalFacts, expected: Seen | None = None
    ) -> Outcome[Written]:
        """Add a vertical, or rename it."""
        return await self._declare(command, facts, expected)

    async def declare_department(
        self, command: Command, *, facts: DepartmentFacts, expected: Seen | None = None
    ) -> Outcome[Written]:
        """Add a department, or have it as these facts say. Raises DepartmentCircle and Invalid."""
        decide = declaring.declare_department(facts, expected=expected)
        return await self._ledger.execute(command, decide)

    async def declare_role(
        self, command: Command, *, facts: RoleFacts, expected: Seen | None = None
    ) -> Outcome[Written]:
        """Add a role, or have it as these facts say."""
        return await self._declare(command, facts, expected)

    async def declare_person(
        self, command: Command, *, facts: PersonFacts, name: str, expected: Seen | None = None
    ) -> Outcome[Written]:
        """Hire somebody, or have them as these facts say; the name goes in as a cipher only.

        Raises Invalid and LeavesBeforeHired.
        """
        number = facts.person_id
        ciphers = await self._names.seal({number: name}, keep=not command.dry_run)
        decide = declaring.declare(
            replace(facts, name_cipher=ciphers[number]),
            expected=expected,
            check=lambda person: person.check_hire_date(facts.hire_date),
        )
        return await self._ledger.execute(command, decide)

    async def declare_project(
        self, command: Command, *, facts: ProjectFacts, expected: Seen | None = None
    ) -> Outcome[Written]:
        """Add a project, or have it as these facts say. Raises Invalid."""
        return await self._declare(command, facts, expected)

    async def declare_project_role(
        self, command: Command, *, facts: ProjectRoleFacts, expected: Seen | None = None
    ) -> Outcome[Written]:
        """Add a project role, or have it as these facts say. Raises Invalid."""
        return await self._declare(command, facts, expected)

    async def _declare(
        self, command: Command, facts: Any, expected: Seen | None
    ) -> Outcome[Written]:
        return await self._ledger.execute(command, declaring.declare(facts, expected=expected))

    async def map_roles(
        self, command: Command, *, facts: RoleMappingFacts, expected: Seen | None = None
    ) -> Outcome[Mapped]:
        """Say which roles serve a project role, in one template or where there is none."""
        decide = declaring.map_roles(facts, expected=expected)
        return await self._ledger.execute(command, decide)

    # People come to leave, are off, and may be forgotten.

    async def set_leaving_date(
        self,
        command: Command,
        *,
        person_id: int,
        leaving_date: str | None,
        expected: Seen | None = None,
    ) -> Outcome[Written]:
        """Set somebody's last day, or take it back. Raises PersonNotFound, LeavesBeforeHired."""
        decide = declaring.change_person(
            person_id, lambda person: person.set_leaving_date(leaving_date), expected=expected
        )
        return await self._ledger.execute(command, decide)

    async def set_time_off(
        self,
        command: Command,
        *,
        person_id: int,
        units_by_week: Mapping[str, int],
        expected: Seen | None = None,
    ) -> Outcome[Written]:
        """Say how much of some weeks somebody is off; none takes it back. PersonNotFound."""

        def change(person: Person) -> None:
            for week_start, units in units_by_week.items():
                person.take_time_off(week_start, units)

        decide = declaring.change_person(person_id, change, expected=expected)
        return await self._ledger.execute(command, decide)

    async def forget_person(self, command: Command, *, person_id: int) -> Outcome[Forgotten]:
        """Make somebody's name unreadable for good. Raises PersonNotFound.

        The key goes first: if that is all that happens, the name is gone, and doing it again
        records it.
        """
        person = await self._ledger.newest(Person, Person.identity(person_id))
        if person.exists and not command.dry_run:
            await self._names.forget(person_id)
        return await self._ledger.execute(command, declaring.forget(person_id))

    # Assignments and their hours.

    async def declare_assignment(
        self,
        command: Command,
        *,
        facts: AssignmentFacts,
        units_by_week: Mapping[str, int] | None = None,
        probability_percent: int | None = None,
        expected: Seen | None = None,
    ) -> Outcome[Written]:
        """Make an assignment, or have it as these facts say; None leaves hours, probability.

        Raises Invalid and PreHireWeekLocked.
        """
        if fault := nobody_fault(facts):
            raise Invalid(("/person_id", fault))
        decide = hours.declare_assignment(facts, units_by_week, probability_percent, expected)
        return await self._ledger.execute(command, decide)

    async def change_hours(
        self, command: Command, *, change: HoursChange, expected: Seen | None = None
    ) -> Outcome[HoursChanged]:
        """Set hours of one assignment. Raises AssignmentNotFound and PreHireWeekLocked."""
        decide = hours.change_hours(change, expected)
        return await self._ledger.execute(command, decide)

    async def change_all_hours(
        self,
        command: Command,
        *,
        changes: Sequence[HoursChange | HoursChanged],
        together: bool = False,
    ) -> Outcome[list[HoursChanged]]:
        """Set hours of several assignments; what could not be read stands among them, invalid.

        Each is decided for itself; `together`: all, or Invalid names what stands in the way.
        """
        if together:
            return await self._ledger.execute(command, hours.change_together(changes))
        decisions = [hours.try_to_change(change) for change in changes]
        found: Outcome[Any] = await self._ledger.execute_all(command, decisions)
        return found

    async def end_assignment(
        self, command: Command, *, assignment_id: int, expected: Seen | None = None
    ) -> Outcome[Ended]:
        """End an assignment; its hours stay in the history. Raises AssignmentNotFound."""

        def decide(work: UnitOfWork) -> Ended:
            assignment = steps.known_assignment(work, assignment_id, expected=expected)
            before = assignment.version
            assignment.end()
            return Ended(assignment_id, assignment.version != before, assignment.version)

        return await self._ledger.execute(command, decide)

    # Documents.

    async def import_document(
        self, command: Command, *, document: bytes, lenient: bool = False
    ) -> Outcome[PlanningImported]:
        """Have everything that a planning document, as JSON, names as it says. Raises Invalid."""
        return await self.import_records(command, records=json_records(document), lenient=lenient)

    async def import_records(
        self, command: Command, *, records: Iterable[Given], lenient: bool = False
    ) -> Outcome[PlanningImported]:
        """Have everything that the records of a planning document name as they say.

        They are read once, in a thread, and all are checked before any is stored: what is not
        named stays as it is. Raises Invalid.
        """
        reader = PlanningReader(lenient=lenient, limit_hours=self.week_limit_hours)
        with PlanSpool() as plan:
            await asyncio.to_thread(plan.fill, reader, records)
            # On trial, for looking is all it does, and without a key, which is the import's.
            check = imports.check_against_ledger(plan)
            await self._ledger.execute(_part(command, dry_run=True), check)
            return await self._store(command, plan)

    async def _store(self, command: Command, plan: PlanSpool) -> Outcome[PlanningImported]:
        names = {each.says.facts.person_id: each.says.name for each in plan.of("people")}
        ciphers = await self._names.seal(names, keep=not command.dry_run)
        nothing: list[imports.Item] = []
        batches = imports.batches(imports.items(plan, ciphers))
        if len(plan) <= imports.BATCH_RECORDS:
            declare = imports.declare_all(next(batches, nothing))
            return await self._ledger.execute(
                command, lambda work: imports.summed(plan, [declare(work)])
            )
        part = _part(command, dry_run=command.dry_run)
        done = []
        while batch := await asyncio.to_thread(next, batches, nothing):
            done.append((await self._ledger.execute(part, imports.declare_all(batch))).result)
            # They would push out what commands are about, which a large import is not.
            self._ledger.release(each.aggregate_id for each in batch)
        return await self._ledger.execute(command, lambda _: imports.summed(plan, done))

    async def export_document(self, *, up_to: int | None = None) -> dict[str, list[Any]]:
        """Return everything as a planning document, names in the clear, or as it was at a position.

        Imported again it changes nothing.
        """
        return await exports.export_document(self._ledger.store, self._names, up_to=up_to)


def _part(command: Command, *, dry_run: bool) -> Command:
    """Return a command for one part of what was asked for, which answers nobody."""
    return replace(command, dry_run=dry_run, render=None, idempotency_key="")
