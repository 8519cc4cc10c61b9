"""Who is let in: the holder of a key, or anybody on this machine while there are no keys.

What a key may do is checked where the route is known, by `check_route`.
"""

import asyncio
import ipaddress
from contextlib import suppress
from typing import Literal
from uuid import UUID

import structlog
from msgspec.structs import replace
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Scope

from domain.access import ApiKey
from domain.access.secrets import SECRET_PATTERN
from domain.errors import Invalid
from domain.names import name_fault, shown
from interfaces.callers import LOCAL, Caller
from interfaces.http.asked import CALLER
from interfaces.http.errors import NotLetIn
from interfaces.http.metrics import Metrics
from interfaces.http.rate_limits import RateClass, RateLimits
from interfaces.http.session_cookie import shown_key
from interfaces.key_ring import Turned
from interfaces.reads import TooManyReads
from interfaces.service import NotYetVisible, Service

logger = structlog.get_logger(__name__)

ScopeName = Literal["read", "write", "staff"]
# A supervisor asks these, which has no key, and they tell nothing about anybody.
# Who is not let in may read why, and may sign in, on a page with its styles.
OPEN_PATHS = frozenset(("/healthz", "/readyz", "/freshz", "/sign-in", "/sign-out"))
OPEN_PREFIXES = ("/problems/", "/static/")
ADMISSION = "capacity.admission"
_MAX_ROUTE_CHARACTERS = 300
_LOCAL_LOOK_SECONDS = 1.0
_SHORTEST_LOOK_SECONDS = 0.05  # at the keys of open streams
DETAILS = {
    "key-missing": "A key is needed: send `Authorization: Bearer cap_...`",
    "key-unknown": "This key is not known here",
    "key-revoked": "This key was revoked",
    "key-expired": "This key's time is over",
}


async def check_batch(scope: Scope) -> None:
    """Count a request that turns out to hold many commands. Raises NotLetIn."""
    if (admission := scope.get(ADMISSION)) is not None:
        await admission.check_rate(scope, "batch")


async def open_admission(service: Service, metrics: Metrics) -> "Admission":
    """Look at the keys for the first time, and return who lets callers in from then on."""
    await service.keys.refresh()
    keys_only = not is_loopback(service.settings.host) or await _was_any_key_made(service)
    return Admission(service, metrics, keys_only=keys_only)


async def _was_any_key_made(service: Service) -> bool:
    """Return whether the ledger knows a key that the read model may not show yet.

    Without it, who deletes the read models would open the doors until they are made again.
    """
    if service.keys.any_key or service.keys.position >= service.ledger.head:
        return service.keys.any_key
    topics = [ApiKey.Created.topic]
    return bool(await service.ledger.store.feed(after=0, limit=1, topics=topics))


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


class Admission:
    """Lets callers in. Where it is `keys_only` nobody goes without one, whatever is known."""

    def __init__(self, service: Service, metrics: Metrics, *, keys_only: bool) -> None:
        self._keys, self._log = service.keys, service.access_log
        self._head_at_start = service.ledger.head
        self._metrics, self._keys_only = metrics, keys_only
        self._limits = RateLimits(service.settings)
        self._limit_local = service.settings.rate_local
        self._look_again_seconds = max(service.settings.keys_fresh_seconds, _SHORTEST_LOOK_SECONDS)
        self._listening: dict[asyncio.Future[None], bytes] = {}  # with what they were let in
        self._guard: asyncio.Task[None] | None = None

    @property
    def lets_all_in(self) -> bool:
        """Whether nobody needs a look: there are no keys, as was seen a moment ago."""
        keys = self._keys
        return keys.is_fresh and not (keys.any_key or self._keys_only or self._limit_local)

    @property
    def needs_keys(self) -> bool:
        """Whether nobody comes in without one."""
        return self._keys.any_key or self._keys_only

    async def check_secret(self, scope: Scope, secret: bytes) -> None:
        """Raise NotLetIn unless a secret opens the doors now."""
        if not self._keys.is_fresh:
            await self._look()
        turned = self._keys.turn(secret)
        if turned.caller is None:
            raise await self._unknown(turned, scope)

    async def admit(self, scope: Scope) -> None:
        """Leave the caller in the scope, or raise NotLetIn."""
        keys = self._keys
        if not keys.is_fresh:
            if _is_open(scope["path"]):
                return
            await self._look()
        if self.needs_keys:
            if not _is_open(scope["path"]):
                scope[CALLER] = await self._holder(scope)
                scope[ADMISSION] = self
        elif self._limit_local:
            scope[CALLER], scope[ADMISSION] = LOCAL, self

    async def check_route(self, scope: Scope, needed: ScopeName, rate_class: RateClass) -> None:
        """Raise NotLetIn unless the caller may use such a route, now."""
        caller: Caller = scope[CALLER]
        if needed not in caller.scopes:
            has = ", ".join(sorted(caller.scopes))
            detail = f"The scope {needed} is needed, this key has: {has}"
            challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
            raise _not_let_in(403, "scope-missing", detail, caller, challenge)
        await self.check_rate(scope, rate_class)

    async def check_rate(self, scope: Scope, rate_class: RateClass) -> None:
        """Count one request; raise NotLetIn where it is one too many."""
        caller: Caller = scope[CALLER]
        who = _address(scope) if caller.key_id is None else str(caller.key_id)
        if wait_seconds := await self._limits.hit(rate_class, who):
            raise self._too_many(rate_class, wait_seconds, caller)

    def note(self, refused: NotLetIn, scope: Scope, request_id: UUID) -> None:
        """Count a refusal, and keep it for people."""
        self._metrics.refused(refused.code)
        route = f"{scope['method']} {scope['path']}"[:_MAX_ROUTE_CHARACTERS]
        self._log.refused(
            reason=refused.code,
            route=SECRET_PATTERN.sub("cap_...", route.replace("\0", "/")),
            key_id=refused.key_id,
            client_address=_address(scope),
            request_id=request_id,
        )

    # Who was let in for as long as it lasts.

    async def until_turned_away(self, scope: Scope) -> None:
        """Return when the key with which a stream was opened would open it no more."""
        turned_away: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening[turned_away] = shown_key(scope)
        if self._guard is None or self._guard.done():
            self._guard = asyncio.create_task(self._turn_away(), name="keys of streams")
        try:
            await turned_away
        finally:
            del self._listening[turned_away]

    async def _turn_away(self) -> None:
        while self._listening:
            await asyncio.sleep(self._look_again_seconds)
            if not self._listening:
                return  # the server may be about to stop
            try:
                await self._keys.refresh()
            except (SQLAlchemyError, TooManyReads) as error:  # nobody new comes in meanwhile
                logger.warning("keys_not_read", error=type(error).__name__)
                continue
            still_good: dict[bytes, bool] = {}
            for turned_away, authorization in tuple(self._listening.items()):
                if authorization not in still_good:
                    still_good[authorization] = self._opens(authorization)
                if not still_good[authorization] and not turned_away.done():
                    turned_away.set_result(None)

    def _opens(self, authorization: bytes) -> bool:
        if not self.needs_keys:
            return True
        return self._turned(authorization).caller is not None

    async def _look(self) -> None:
        """Look at the keys again; where there were none, nobody is kept out for want of a look."""
        if self._keys_only or self._keys.any_key or not self._keys.was_read:
            await self._keys.refresh()
            return
        try:
            async with asyncio.timeout(_LOCAL_LOOK_SECONDS):
                await self._keys.refresh()
        except (SQLAlchemyError, TooManyReads, TimeoutError) as error:
            logger.warning("keys_not_read", error=type(error).__name__)

    async def _holder(self, scope: Scope) -> Caller:
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _HEADERS:
                if name in found:
                    raise Invalid((f"/{name.decode()}", "the header stands twice"))
                found[name] = value
        turned = self._turned(shown_key(scope))
        if turned.caller is None:
            raise await self._unknown(turned, scope)
        caller = turned.caller
        assert caller.key_id is not None, "who holds a key has its id"
        self._log.used(caller.key_id)
        if actor := found.get(b"capacity-actor"):
            _check_actor(caller, actor)
        if on_behalf_of := found.get(b"capacity-on-behalf-of"):
            return _acting_for(caller, on_behalf_of)
        return caller

    def _turned(self, authorization: bytes) -> Turned:
        scheme, _, secret = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not secret.strip():
            return Turned(None, None, "")
        return self._keys.turn(secret.strip())

    async def _unknown(self, turned: Turned, scope: Scope) -> NotLetIn:
        """Return the refusal; from an address that sends many, it is that there are too many.

        Raises NotYetVisible where the key may be one that the read model does not show yet.
        """
        if turned.why == "key-unknown" and self._keys.position < self._head_at_start:
            raise NotYetVisible(self._head_at_start, self._keys.position)
        if wait_seconds := await self._limits.hit("refused", _address(scope)):
            return self._too_many("refused", wait_seconds, None)
        code = turned.why or "key-missing"
        challenge = "Bearer" if code == "key-missing" else 'Bearer error="invalid_token"'
        refused = _not_let_in(401, code, DETAILS[code], None, challenge)
        refused.key_id = turned.key_id
        return refused

    def _too_many(
        self, rate_class: RateClass, wait_seconds: int, caller: Caller | None
    ) -> NotLetIn:
        limit = self._limits.said(rate_class)
        detail = f"More than {limit} requests of the kind {rate_class}; try again later"
        refused = NotLetIn(
            429,
            "too-many-requests",
            detail,
            headers={"retry-after": str(wait_seconds)},
            retryable=True,
        )
        refused.key_id = str(caller.key_id) if caller and caller.key_id else ""
        return refused


_HEADERS = frozenset((b"authorization", b"capacity-actor", b"capacity-on-behalf-of"))


def _check_actor(caller: Caller, actor: bytes) -> None:
    """Raise NotLetIn unless the key's owner is named: nobody writes under another's name."""
    if actor != caller.owner.encode():
        found = shown(actor.decode(errors="replace"))
        detail = f"Capacity-Actor: found {found}, the owner of this key is {caller.owner}"
        raise _not_let_in(403, "actor-not-yours", detail, caller)


def _acting_for(caller: Caller, on_behalf_of: bytes) -> Caller:
    if not caller.may_act_on_behalf:
        detail = "Capacity-On-Behalf-Of: this key may act for nobody but its owner"
        raise _not_let_in(403, "on-behalf-not-allowed", detail, caller)
    name = ""
    with suppress(UnicodeDecodeError):
        name = on_behalf_of.decode()
    if fault := name_fault(name):
        raise Invalid(("/capacity-on-behalf-of", fault if name else "the header is not UTF-8"))
    return replace(caller, on_behalf_of=name)


def _not_let_in(
    status: int, code: str, detail: str, caller: Caller | None, challenge: str = ""
) -> NotLetIn:
    headers = {"www-authenticate": challenge} if challenge else {}
    refused = NotLetIn(status, code, detail, headers=headers)
    refused.key_id = str(caller.key_id) if caller and caller.key_id else ""
    return refused


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
