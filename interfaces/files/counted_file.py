"""The capacity file that a workflow counts in, and the ledger behind it, as drop-in calls do it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from domain.errors import DomainError
from interfaces.files.keeper import KEEPER
from interfaces.files.places import Place, place_of
from interfaces.service import Service

R = TypeVar("R")


class CountedFile:
    """Does things in the ledger while it holds the lock of the file.

    What others wrote into the file is taken over before, and the file is current afterwards.
    Raises CapacityFileInvalid, here and at every call.
    """

    def __init__(self, path: Path) -> None:
        self._place = place_of(path)
        self.line, self.scenario = self._place.line, self._place.scenario

    async def do(
        self, work: Callable[[Service], Awaitable[R]], fresh: Callable[[], bytes] | None
    ) -> R:
        """Return what the work returns; `fresh` makes the file where there is none.

        The work may be done again, if others change the file in that moment. Raises the
        DomainError that it raises, and CapacityNotKept.
        """

        async def done(service: Service, _: Place) -> tuple[R | None, DomainError | None]:
            try:
                return await work(service), None
            except DomainError as error:  # which drop-in callers would get under another name
                return None, error

        result, error = await asyncio.wrap_future(KEEPER.submit(self._place, done, fresh))
        if error is not None:
            raise error
        found: R = result
        return found
