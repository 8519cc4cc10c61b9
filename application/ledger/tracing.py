"""What one cause led to: the commands of a correlation as a tree, each with its events.

No index leads to them: one over random ids would be paid for by every append. The database looks
for the bytes of the id instead, without reading any JSON, in windows so that progress can be told.
"""

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from application.ledger.reader import LedgerLog
from application.ledger.searching import Filter, Found, oldest_first
from domain.aggregate import Provenance
from domain.errors import NotFound

WINDOW_POSITIONS = 50_000
MAX_EVENTS = 10_000
MAX_DEPTH = 100  # a longer chain goes on as a tree of its own

Progress = Callable[[int, int], None]


class CorrelationNotFound(NotFound):
    """No event has this correlation id."""

    code = "correlation-not-found"

    def __init__(self, correlation_id: UUID, belongs_to: UUID | None) -> None:
        self.correlation_id, self.belongs_to = correlation_id, belongs_to
        hint = f"; it is a command of the correlation {belongs_to}" if belongs_to else ""
        super().__init__(f"No event has the correlation id {correlation_id}{hint}")


class Caused(Struct):
    """One command: its events in order, and the commands that it led to."""

    command_id: UUID
    provenance: Provenance
    events: list[Found]
    led_to: list["Caused"]


class Trace(Struct, frozen=True):
    """The commands that nothing in the correlation led to; `complete` unless there was too much."""

    roots: list[Caused]
    complete: bool


def trace(
    log: LedgerLog,
    correlation_id: UUID,
    *,
    progress: Progress = lambda done, total: None,
    most_events: int = MAX_EVENTS,
) -> Trace:
    """Return what belongs to a correlation. Raises CorrelationNotFound."""
    head = log.head()
    commands: dict[UUID, Caused] = {}
    belongs_to: UUID | None = None
    count = 0
    for after in range(0, head, WINDOW_POSITIONS):
        up_to = min(after + WINDOW_POSITIONS, head)
        wanted = Filter(after=after, up_to=up_to, holding=str(correlation_id).encode())
        for found in oldest_first(log, wanted):
            provenance = found.event.provenance
            if provenance.correlation_id != correlation_id:
                if provenance.command_id == correlation_id:
                    belongs_to = provenance.correlation_id
                continue
            if (count := count + 1) > most_events:
                return Trace(_tree(commands), complete=False)
            _caused(commands, provenance).events.append(found)
        progress(up_to, head)
    if not commands:
        raise CorrelationNotFound(correlation_id, belongs_to)
    return Trace(_tree(commands), complete=True)


def _caused(commands: dict[UUID, Caused], provenance: Provenance) -> Caused:
    found = commands.get(provenance.command_id)
    if found is None:
        found = Caused(provenance.command_id, provenance, [], [])
        commands[provenance.command_id] = found
    return found


def _tree(commands: dict[UUID, Caused]) -> list[Caused]:
    """Hang each command below the one that it names as its cause, if that came before it."""
    roots: list[Caused] = []
    depths: dict[UUID | None, int] = {}
    for command_id, each in commands.items():
        cause = each.provenance.causation_id
        # A cause that comes later, or is itself, would make a circle; ids are the callers' to say.
        depth = depths.get(cause, MAX_DEPTH)
        if cause is None or depth == MAX_DEPTH:
            depth = -1
            roots.append(each)
        else:
            commands[cause].led_to.append(each)
        depths[command_id] = depth + 1
    return roots
