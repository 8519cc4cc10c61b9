"""Decisions on assignments and their hours: of one, of many each for itself, of all or none."""

from collections.abc import Callable, Mapping, Sequence

from application.assignments import steps
from application.assignments.results import HoursChange, HoursChanged, Status, Written
from application.ledger import UnitOfWork
from domain.assignments import Assignment, AssignmentFacts, AssignmentNotFound
from domain.errors import DomainError, Invalid
from domain.versions import Seen

ChangeOrFault = HoursChange | HoursChanged


def declare_assignment(
    facts: AssignmentFacts,
    units_by_week: Mapping[str, int] | None,
    probability_percent: int | None,
    expected: Seen | None,
) -> Callable[[UnitOfWork], Written]:
    """Return the decision that makes an assignment, or has it as these facts say."""
    number = facts.assignment_id

    def decide(work: UnitOfWork) -> Written:
        assignment = work.get(Assignment, Assignment.identity(number))
        before = assignment.version
        steps.check_seen(assignment, expected, subject=f"Assignment {number}")
        steps.check_known(work, facts)
        steps.check_active(work, assignment, facts)
        first_week = steps.first_week(work, facts.person_id)
        if not assignment.exists:
            assignment.declare(facts)
        # Hours first: who takes the assignment over must be hired for those that it has then.
        if units_by_week is not None:
            assignment.set_all_hours(units_by_week, hire_week=first_week)
        assignment.declare(facts, hire_week=first_week)
        if probability_percent is not None:
            assignment.change_probability(probability_percent)
        return steps.written(assignment, "assignments", number, before=before)

    return decide


def change_hours(
    change: HoursChange, expected: Seen | None = None
) -> Callable[[UnitOfWork], HoursChanged]:
    """Return the decision that sets hours of one assignment."""

    def decide(work: UnitOfWork) -> HoursChanged:
        number = change.assignment_id
        assignment = steps.known_assignment(work, number, expected=expected)
        before = assignment.version
        set_hours = assignment.set_all_hours if change.replaces else assignment.set_hours
        set_hours(change.units_by_week, hire_week=steps.first_week(work, assignment.person_id))
        status: Status = "noop" if assignment.version == before else "ok"
        return HoursChanged(number, status, len(assignment.weeks), assignment.version)

    return decide


def try_to_change(change: ChangeOrFault) -> Callable[[UnitOfWork], HoursChanged]:
    """Return the decision that sets hours, and answers a fault where they cannot be."""
    if isinstance(change, HoursChanged):
        return lambda _: change
    decide = change_hours(change)

    def attempt(work: UnitOfWork) -> HoursChanged:
        try:
            return decide(work)
        except AssignmentNotFound as error:
            return HoursChanged(change.assignment_id, "missing", error=error)
        except DomainError as error:
            return HoursChanged(change.assignment_id, "invalid", error=error)

    return attempt


def change_together(
    changes: Sequence[ChangeOrFault],
) -> Callable[[UnitOfWork], list[HoursChanged]]:
    """Return the decision that sets all these hours, or raises Invalid saying why it cannot."""
    attempts = [try_to_change(each) for each in changes]

    def decide(work: UnitOfWork) -> list[HoursChanged]:
        wanted = [each.assignment_id for each in changes if isinstance(each, HoursChange)]
        work.get_all(Assignment, [Assignment.identity(each) for each in wanted])
        done = [attempt(work) for attempt in attempts]
        faults = [
            (f"/items/{index}", str(each.error))
            for index, each in enumerate(done)
            if each.error is not None
        ]
        if faults:
            raise Invalid(*faults)
        return done

    return decide
