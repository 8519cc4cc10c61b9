"""Planning documents: everything about people, projects and hours, record by record.

A document is read once and from its beginning, whatever its size, and every fault of it is named
by its pointer. Whether what it refers to exists elsewhere is not known here; see `references`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from domain.assignments.fields import (
    MAX_CAPACITY_HOURS,
    FaultCount,
    Faults,
    Field,
    capacity_units,
    read_fields,
)
from domain.assignments.hours import HoursReader, LenientCell
from domain.assignments.records import (
    LISTS,
    AssignmentRecord,
    PersonRecord,
    Values,
    assignment_facts,
    department_facts,
    nobody_fault,
    person_record,
    project_facts,
    project_role_facts,
    role_facts,
    role_mapping_facts,
    vertical_facts,
)
from domain.assignments.weeks import MAX_WEEK_HOURS, UNITS_PER_HOUR


class Given(NamedTuple):
    """One record as somebody wrote it, and where; with what is wrong before it is even read."""

    key: str  # the document's list
    pointer: str
    record: Any = None
    faults: Sequence[tuple[str, str]] = ()


class Found(NamedTuple):
    """What one record says, without fault."""

    key: str
    pointer: str
    says: Any  # the list's facts, or a record that holds them

    @property
    def facts(self) -> Any:
        """The facts alone."""
        is_record = isinstance(self.says, PersonRecord | AssignmentRecord)
        return self.says.facts if is_record else self.says


_MAKE: dict[str, Callable[[Values], Any]] = {
    "verticals": vertical_facts,
    "departments": department_facts,
    "roles": role_facts,
    "people": person_record,
    "projects": project_facts,
    "project_roles": project_role_facts,
    "template_role_mappings": role_mapping_facts,
    "global_role_mappings": role_mapping_facts,
}
_IDS = {
    key: ("id",) if "id" in fields else tuple(each for each in fields if each.endswith("_id"))
    for key, fields in LISTS.items()
}


class PlanningReader:
    """Reads the records of one document, and remembers what is wrong with it.

    If lenient, hours that cannot be used are read as the original's report does, and listed.
    """

    def __init__(self, *, lenient: bool = False, limit_hours: int = MAX_WEEK_HOURS) -> None:
        self._lenient = lenient
        self._hours = HoursReader(lenient=lenient, limit_hours=limit_hours)
        self._faults = FaultCount(order=[f"/{key}" for key in LISTS])
        self._first: dict[str, dict[Any, str]] = {key: {} for key in LISTS}

    @property
    def lenient_cells(self) -> tuple[LenientCell, ...]:
        """What was read leniently so far."""
        return tuple(self._hours.cells)

    def read(self, document: Iterable[Given]) -> Iterator[Found]:
        """Yield what each record says. Raises Invalid at the end, naming every fault."""
        for given in document:
            if given.faults:
                self._faults.add(given.faults)
            elif (says := self._says(given)) is not None:
                yield Found(given.key, given.pointer, says)
        self._faults.raise_if_any()

    def _says(self, given: Given) -> Any:
        faults: Faults = []
        values = read_fields(given.record, self._fields(given), faults, pointer=given.pointer)
        if values is None:
            self._faults.add(faults)
            return None
        self._note_twice(given, values, faults)
        if given.key == "assignments":
            says: Any = self._assignment(given.pointer, values, faults)
        else:
            says = _MAKE[given.key](values)
        self._faults.add(faults)
        return None if faults else says

    def _fields(self, given: Given) -> Mapping[str, Field]:
        fields = LISTS[given.key]
        if not self._lenient or given.key != "people":
            return fields
        record = given.record
        value = record.get("weekly_capacity") if isinstance(record, dict) else None
        if type(value) is int and value < 0:
            self._hours.note(f"{given.pointer}/weekly_capacity", str(value), str(value))
        default = fields["weekly_capacity"].default
        return fields | {"weekly_capacity": Field(_any_capacity_units, default)}

    def _note_twice(self, given: Given, values: Values, faults: Faults) -> None:
        """Note a fault for a record that has the id of one before it."""
        ids = _IDS[given.key]
        number = tuple(values[each] for each in ids) if len(ids) > 1 else values[ids[0]]
        place = given.pointer.rpartition("/")[2]
        if (first := self._first[given.key].setdefault(number, place)) != place:
            told = ", ".join(str(values[each]) for each in ids)
            detail = f"found {told}, which stands at {first} already"
            faults.append((f"{given.pointer}/{ids[0]}", detail))

    def _assignment(self, pointer: str, values: Values, faults: Faults) -> AssignmentRecord:
        facts = assignment_facts(values)
        if fault := nobody_fault(facts):
            if self._lenient:
                self._hours.note(pointer, "of nobody", "not counted")
            else:
                faults.append((pointer, fault))
        where = f"{pointer}/weekly_hours"
        return AssignmentRecord(
            facts, self._hours.read(values["weekly_hours"], faults, pointer=where)
        )


def _any_capacity_units(value: object) -> int:
    """Return a capacity that may be negative: the original's report counts it as it is."""
    if type(value) is int and -MAX_CAPACITY_HOURS <= value < 0:
        return value * UNITS_PER_HOUR
    return capacity_units(value)
