"""A document between its check and its storing: record by record, so that it may be large.

A document is read once, and nothing of it is stored before all of it is checked. What was read
waits here meanwhile: in memory while it is little, then in a file that has no name.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any

from msgspec import msgpack

from domain.assignments import (
    DepartmentFacts,
    ProjectFacts,
    ProjectRoleFacts,
    RoleFacts,
    RoleMappingFacts,
    VerticalFacts,
)
from domain.assignments.documents import Found, PlanningReader
from domain.assignments.hours import LenientCell
from domain.assignments.records import AssignmentRecord, PersonRecord
from domain.assignments.references import References

_MEMORY_BYTES = 2**20
_LENGTH_BYTES = 4
# By list: where a record stood, and what it says.
_SAYS: dict[str, Any] = {
    "verticals": tuple[str, VerticalFacts],
    "departments": tuple[str, DepartmentFacts],
    "roles": tuple[str, RoleFacts],
    "people": tuple[str, PersonRecord],
    "projects": tuple[str, ProjectFacts],
    "project_roles": tuple[str, ProjectRoleFacts],
    "template_role_mappings": tuple[str, RoleMappingFacts],
    "global_role_mappings": tuple[str, RoleMappingFacts],
    "assignments": tuple[str, AssignmentRecord],
}


class PlanSpool:
    """The records of a document, each list in its order, and what was noted of them."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._lists = {key: self._open.enter_context(_ListSpool(key)) for key in _SAYS}
        self.references = References()
        self.week_cells = 0
        self.lenient_cells: tuple[LenientCell, ...] = ()

    def __enter__(self) -> "PlanSpool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def __len__(self) -> int:
        return sum(each.count for each in self._lists.values())

    def fill(self, reader: PlanningReader, document: Iterable[Any]) -> None:
        """Take every record of a document. Raises Invalid naming all that is wrong with it."""
        for found in reader.read(document):
            self.references.note(found.facts)
            if found.key == "assignments":
                self.week_cells += len(found.says.units_by_week)
            self._lists[found.key].append(found)
        self.lenient_cells = reader.lenient_cells

    def of(self, *keys: str) -> Iterator[Found]:
        """Yield the records of some lists, of none: of all."""
        for key in keys or self._lists:
            yield from self._lists[key]


class _ListSpool:
    """Records of one list."""

    def __init__(self, key: str) -> None:
        self.count = 0
        self._key = key
        # Names of people are written to no disk, so that they can be forgotten: 0 is no limit.
        most = 0 if key == "people" else _MEMORY_BYTES
        self._file = SpooledTemporaryFile(max_size=most)  # noqa: SIM115 - closed with this object
        self._encode = msgpack.Encoder().encode
        self._decode = msgpack.Decoder(_SAYS[key]).decode

    def __enter__(self) -> "_ListSpool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, found: Found) -> None:
        packed = self._encode((found.pointer, found.says))
        self._file.write(len(packed).to_bytes(_LENGTH_BYTES) + packed)
        self.count += 1

    def __iter__(self) -> Iterator[Found]:
        self._file.seek(0)
        for _ in range(self.count):
            length = int.from_bytes(self._file.read(_LENGTH_BYTES))
            pointer, says = self._decode(self._file.read(length))
            yield Found(self._key, pointer, says)
