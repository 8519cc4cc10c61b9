"""What a workflow came to: for each registration what became of it and why, and the counts."""

from collections import Counter
from typing import Any, Literal

from msgspec import Struct

from interfaces.files.workflow_files import WorkflowFiles

Status = Literal["matched", "unmatched", "failed", "released", "repeated"]
STATUSES: tuple[Status, ...] = ("matched", "unmatched", "failed", "released", "repeated")


class Dealt(Struct, frozen=True):
    """What became of one registration.

    matched: it holds a slot, booked by this run (`new`) or before. unmatched: nobody fits.
    failed: it could not be read, or its matcher failed or answered what cannot be booked.
    released: it was booked, a later phase failed, and its slot was given back. repeated: it stands
    in the file before.
    """

    registration_id: str
    zip_code: str
    status: Status
    supplier: str = ""
    reason: str = ""
    new: bool = False

    @property
    def stats(self) -> dict[str, Any]:
        """The row of the stats file; the same when the run is repeated."""
        return {
            "registration_id": self.registration_id,
            "zip_code": self.zip_code,
            "status": self.status,
            "supplier_id": self.supplier,
            "reason": self.reason,
        }


class WorkflowSummary(Struct, frozen=True):
    """The whole run. `messages` tell what was noticed beside single registrations."""

    constellation: str
    model: str
    business_line: str
    scenario: str
    registrations: tuple[Dealt, ...]
    messages: tuple[str, ...]
    files: WorkflowFiles

    def count(self, status: Status) -> int:
        """Return how many registrations came to a status."""
        return sum(each.status == status for each in self.registrations)

    @property
    def counts(self) -> dict[str, int]:
        """How many registrations came to each status; they add up to `processed`."""
        counted = Counter(each.status for each in self.registrations)
        return {status: counted[status] for status in STATUSES}

    @property
    def processed(self) -> int:
        """How many registrations were dealt with, whatever became of them."""
        return len(self.registrations)

    @property
    def matched(self) -> int:
        """How many hold a slot now."""
        return self.count("matched")

    @property
    def newly_booked(self) -> int:
        """How many of the matched were booked by this run."""
        return sum(each.new and each.status == "matched" for each in self.registrations)

    @property
    def unmatched(self) -> dict[str, str]:
        """Whom nobody fits, with the reason."""
        return self._reasons("unmatched")

    @property
    def failed(self) -> dict[str, str]:
        """Who failed, with the reason; those without an id share one place here."""
        return self._reasons("failed")

    @property
    def released(self) -> dict[str, str]:
        """Whose slot was given back, with the reason."""
        return self._reasons("released")

    def _reasons(self, status: Status) -> dict[str, str]:
        return {
            each.registration_id: each.reason
            for each in self.registrations
            if each.status == status
        }

    def __str__(self) -> str:
        """Return one true sentence."""
        told = [f"{count} {status}" for status, count in self.counts.items() if count]
        said = ", ".join(told) or "nothing to do"
        return f"Processed {self.processed} registrations: {said} ({self.newly_booked} booked now)"
