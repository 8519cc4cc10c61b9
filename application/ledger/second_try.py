"""The second try of a group: decided and stored while the write lock is held.

Nothing can move between what is read and what is written, so it meets no third party, and a fault
falls on its own member alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

import structlog

from application.ledger.batches import batch_of
from application.ledger.cache import AggregateCache
from application.ledger.command import KeyReused, LedgerUnavailable, Replayed
from application.ledger.loading import Load
from application.ledger.store import EventStore, FoundReply, StoreLost, Turn
from application.ledger.unit_of_work import Member, Missing, Reference
from domain.errors import DomainError

logger = structlog.get_logger(__name__)

# Backing off from a database that went away; the last step repeats until the time is up.
_RECONNECT_STEPS_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
_NO_LIMIT = 2**62
_FATE_UNKNOWN = (
    "The database cannot be reached; whether this was stored is unknown. "
    "Sending the same request again is safe"
)


class SecondTry:
    """Stores groups that were decided on stale states, or whose fate is unknown."""

    def __init__(
        self,
        store: EventStore,
        load: Load,
        now: Callable[[], datetime],
        *,
        outage_seconds: float,
        stored: Callable[[Sequence[Member], AggregateCache, int], object],
    ) -> None:
        """`stored` gets what was stored, the states it was decided on, and the position before."""
        self._store, self._load, self._now = store, load, now
        self._outage_seconds, self._stored = outage_seconds, stored

    async def run(self, group: list[Member], after: Exception | None) -> None:
        """Answer every member of a group; `after` is what went wrong the first time."""
        try:
            async with asyncio.timeout(self._outage_seconds):
                await self._together(group, after)
        except TimeoutError:
            logger.error("store_unreachable", commands=len(group))
            for member in group:
                member.fail(LedgerUnavailable(_FATE_UNKNOWN))

    async def _together(self, group: list[Member], after: Exception | None) -> None:
        try:
            await self._until_stored(group, after)
        except Exception as error:
            if len(group) == 1:
                self._report(group[0], error)
                return
            for member in group:
                if not member.future.done():
                    await self._together([member], after)

    async def _until_stored(self, group: list[Member], after: Exception | None) -> None:
        for attempt in count():
            try:
                return await self._in_turn(group, fate_unknown=isinstance(after, StoreLost))
            except StoreLost as lost:
                after = lost
                logger.warning("store_lost", attempt=attempt, error=str(lost))
                await asyncio.sleep(
                    _RECONNECT_STEPS_SECONDS[min(attempt, len(_RECONNECT_STEPS_SECONDS) - 1)]
                )

    async def _in_turn(self, group: list[Member], *, fate_unknown: bool) -> None:
        """Decide and store a group under the lock, trusting no state that was read before it."""
        states = AggregateCache(_NO_LIMIT)
        async with self._store.turn() as turn:
            members = [
                member
                for member in group
                if not (fate_unknown and await self._stored_already(turn, member))
            ]
            members = await self._not_answered_before(turn, members)
            await self._load_for(turn, states, members)
            members = [each for each in members if await self._decide_in_turn(turn, states, each)]
            base = await turn.append(batch_of(members, self._now()))
        self._stored(members, states, base)

    async def _stored_already(self, turn: Turn, member: Member) -> bool:
        """Answer a member whose rows are found as they were sent: only the answer was lost."""
        positions = await turn.positions(member.rows)
        if not positions or None in positions:
            return False
        member.settle(max(each for each in positions if each is not None))
        return True

    async def _not_answered_before(self, turn: Turn, members: Sequence[Member]) -> list[Member]:
        """Answer the members whose key has a reply already; return the others."""
        keys = [each.command.idempotency_key for each in members if each.command.idempotency_key]
        found = await turn.replies(keys) if keys else {}
        others = []
        for member in members:
            if (reply := found.get(member.command.idempotency_key)) is None:
                others.append(member)
            else:
                member.fail(answer_again(reply, member.command.fingerprint))
        return others

    async def _load_for(
        self, turn: Turn, states: AggregateCache, members: Sequence[Member]
    ) -> None:
        """Load what the members will ask for, all of it at once and not one after the other."""
        while True:
            lacking: dict[int, Reference] = {}
            for member in members:
                try:
                    member.decide(states, self._now(), assume=False)
                except Missing as missing:
                    lacking |= {each[1].int: each for each in missing.references}
                except Exception as error:  # told when it is decided in its turn
                    logger.debug("decided_on_trial", error=repr(error))
            if not lacking:
                return
            await self._load(list(lacking.values()), states, turn)

    async def _decide_in_turn(self, turn: Turn, states: AggregateCache, member: Member) -> bool:
        """Decide a member; return whether it goes on to be stored."""
        member.decided = member.doubtful = False
        try:
            while not member.decided:
                try:
                    member.decide(states, self._now(), assume=False)
                except Missing as missing:
                    await self._load(missing.references, states, turn)
        except StoreLost:
            raise
        except DomainError as refused:
            member.fail(refused)
            return False
        except Exception as error:  # under the lock it is this member's own fault: it falls alone
            self._report(member, error)
            return False
        states.queue(member.written)
        return True

    def _report(self, member: Member, error: Exception) -> None:
        logger.error("command_failed", command_id=str(member.command.command_id), exc_info=error)
        member.fail(error)


def answer_again(found: FoundReply, fingerprint: bytes) -> Exception:
    """Return what answers a repeated key: the reply given before, or KeyReused."""
    if found.fingerprint != fingerprint:
        return KeyReused()
    return Replayed(found.reply, found.position)
