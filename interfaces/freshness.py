"""Do answers keep up with the ledger? The same verdict for /freshz and `capacity doctor`."""

from collections.abc import Sequence

from msgspec import Struct

from projections.leases import LeaseStatus
from projections.statuses import ProjectionStatus
from projections.turns import FOLLOWING


class Fault(Struct, frozen=True):
    """What keeps answers behind, and the command that mends it."""

    about: str
    problem: str
    mend: str


def faults(
    projections: Sequence[ProjectionStatus],
    leases: Sequence[LeaseStatus],
    *,
    fresh_seconds: float,
) -> list[Fault]:
    """Return everything that keeps answers behind; nothing means that they are fresh."""
    found = [] if (fault := _not_followed(leases)) is None else [fault]
    for each in projections:
        if each.ahead:
            mend = f"capacity projections rebuild {each.name}"
            found.append(Fault(each.name, "it is ahead of the ledger, which was restored", mend))
        if each.parked_events:
            problem = (
                f"events parked: {each.parked_events}, the first at position {each.parked_from}, "
                f"since {each.parked_seconds:.0f} s"
            )
            found.append(Fault(each.name, problem, f"capacity projections parked {each.name}"))
        if each.lag_seconds > fresh_seconds:
            problem = f"it is {each.lag_events} events and {each.lag_seconds:.0f} s behind"
            found.append(Fault(each.name, problem, "capacity projections run"))
    return found


def _not_followed(leases: Sequence[LeaseStatus]) -> Fault | None:
    """Return that nobody follows the ledger: a fault also where there is nothing to apply now."""
    runner = next((each for each in leases if each.name == FOLLOWING), None)
    if runner is not None and runner.held:
        return None
    problem = "nobody follows the ledger"
    if runner is not None:
        problem += f"; {runner.holder} did, {runner.heartbeat_seconds:.0f} s ago"
    return Fault("runner", problem, "capacity projections run")
