"""What people decide about the running of the ledger: recorded first, then done by the door."""

from application.ledger import Command, Ledger, Outcome, UnitOfWork
from domain.errors import Invalid
from domain.operations import Parking


class Operations:
    """The use cases of operations; each only records a decision, with its reason."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def order_retry(
        self, command: Command, *, projection: str, position: int | None
    ) -> Outcome[None]:
        """Record that parked events shall be applied again. Raises Invalid without a reason."""
        _check_reason(command)

        def decide(work: UnitOfWork) -> None:
            parking = work.get(Parking, Parking.identity(projection))
            parking.order_retry(projection, position)

        return await self._ledger.execute(command, decide)

    async def skip(
        self, command: Command, *, projection: str, position: int, parked_topic: str, error: str
    ) -> Outcome[None]:
        """Record that one parked event shall be left out. Raises Invalid without a reason."""
        _check_reason(command)

        def decide(work: UnitOfWork) -> None:
            parking = work.get(Parking, Parking.identity(projection))
            parking.skip(projection, position, parked_topic=parked_topic, error=error)

        return await self._ledger.execute(command, decide)


def _check_reason(command: Command) -> None:
    if not command.reason:
        raise Invalid(("/reason", "found nothing; say why, for those who read the history"))
