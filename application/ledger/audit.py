"""Is the ledger what was written? Links are followed, and the whole can be sealed by one digest.

A link says that an event is the one that the next event of its aggregate was written after. It
cannot tell that the last ones are missing, or that all of a life was written anew: for that a
seal is kept elsewhere, and compared later.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from application.ledger.reader import LogRow
from domain.stored import BrokenChain, Chain, event_hash

PAGE_EVENTS = 5_000
SEAL_PREFIX = "capacity-seal:1"

Progress = Callable[[int, int], None]


class Pages(Protocol):
    """What the audit reads: the ledger in its own order, and by aggregates."""

    def head(self) -> int:
        """Return the newest position."""

    def page(self, after: int, up_to: int) -> list[LogRow]:
        """Return the events at positions beyond `after` and not beyond `up_to`."""

    def page_by_aggregate(self, after: tuple[bytes, int], limit: int) -> list[LogRow]:
        """Return the next events in the order of aggregate and version."""


class Broken(NamedTuple):
    """An event that is not linked to the one stored before it."""

    position: int
    aggregate_id: UUID
    version: int
    topic: str


class Verdict(NamedTuple):
    """What was found; `first_broken` is the one at the lowest position."""

    events: int
    aggregates: int
    unlinked_events: int  # stored before there was a chain
    broken_links: int
    first_broken: Broken | None


class Seal(NamedTuple):
    """The digest of every event up to a position."""

    position: int
    events: int
    digest: str

    def __str__(self) -> str:
        return f"{SEAL_PREFIX}:{self.position}:{self.events}:{self.digest}"


class NoSeal(ValueError):
    """A text that should be a seal is none."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"Found {text[:100]!r}, a seal is needed, as `capacity audit seal` prints it: "
            f"{SEAL_PREFIX}:POSITION:EVENTS:DIGEST"
        )


class _Linked(msgspec.Struct, gc=False):
    previous_hash: str = ""


_read_link = msgspec.json.Decoder(_Linked).decode


def ignore_progress(done: int, total: int) -> None:
    """Take progress when nobody looks."""


def verify(pages: Pages, progress: Progress = ignore_progress) -> Verdict:
    """Follow the links of every aggregate; memory does not grow with the ledger."""
    walk, head = _Walk(), pages.head()
    after = (bytes(16), 0)
    while found := pages.page_by_aggregate(after, PAGE_EVENTS):
        for row in found:
            walk.step(row)
        after = found[-1][1], found[-1][2]
        progress(min(walk.events, head), head)
    progress(head, head)
    return Verdict(walk.events, walk.aggregates, walk.unlinked, walk.broken, walk.first_broken)


class _Walk:
    """Where the walk is, and what it has met."""

    def __init__(self) -> None:
        self.events = self.aggregates = self.unlinked = self.broken = 0
        self.first_broken: Broken | None = None
        self._aggregate, self._version = b"", 0
        self._chain = Chain(UUID(int=0))

    def step(self, row: LogRow) -> None:
        """Look at the next event in the order of aggregate and version."""
        position, aggregate, version, topic, state = row
        self.events += 1
        if aggregate != self._aggregate:
            self.aggregates += 1
            self._aggregate, self._version = aggregate, 0
            self._chain = Chain(UUID(bytes=aggregate))
        link = _link_of(state)
        self.unlinked += link == ""
        try:
            self._chain.follow(version, topic, state, link)
            whole = version == self._version + 1
        except BrokenChain:
            whole = False
            last_hash = event_hash(topic, state)  # the next may be linked to what stands here now
            self._chain = Chain(UUID(bytes=aggregate), last_hash=last_hash, linked=True)
        self._version = version
        if not whole:
            self.broken += 1
            if self.first_broken is None or position < self.first_broken.position:
                self.first_broken = Broken(position, UUID(bytes=aggregate), version, topic)


def _link_of(state: bytes) -> str:
    try:
        return _read_link(state).previous_hash
    except msgspec.DecodeError:
        return "unreadable"  # no hash, and so a broken link


def seal(pages: Pages, *, until: int | None = None, progress: Progress = ignore_progress) -> Seal:
    """Return the digest of all events up to a position, the newest if none is named."""
    last = pages.head() if until is None else until
    digest, events = sha256(), 0
    for after in range(0, last, PAGE_EVENTS):
        up_to = min(after + PAGE_EVENTS, last)
        for position, aggregate, version, topic, state in pages.page(after, up_to):
            head = f"{position} {aggregate.hex()} {version} {topic} {len(state)}\n"
            digest.update(head.encode() + state)
            events += 1
        progress(up_to, last)
    return Seal(last, events, digest.hexdigest())


def read_seal(text: str) -> Seal:
    """Return the seal that a text holds. Raises NoSeal."""
    prefix, _, rest = text.strip().partition(f"{SEAL_PREFIX}:")
    parts = rest.split(":")
    if prefix or len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        raise NoSeal(text)
    if len(parts[2]) != 64 or set(parts[2]) - set("0123456789abcdef"):
        raise NoSeal(text)
    return Seal(int(parts[0]), int(parts[1]), parts[2])
