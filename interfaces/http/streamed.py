"""How an event goes over the wire: encoded once, whoever gets it."""

from collections.abc import Sequence

from msgspec import json

from application.ledger.store import StoredRow
from domain.catalogue import UnknownTopic
from domain.stored import decode
from interfaces.http import server_sent_events
from interfaces.http.confinement import is_of_verticals
from interfaces.http.subscribers import Topics
from interfaces.http.wire import encode
from interfaces.recorded import RecordedAnswer, fields_of_event


def chosen(encoded: Sequence[tuple[int, str, bytes]], topics: Topics, after: int) -> bytes:
    """Return the bytes of those (position, topic, bytes) that a client wants."""
    return b"".join(
        chunk
        for position, topic, chunk in encoded
        if position > after and (topics is None or topic in topics)
    )


def joined(rows: Sequence[StoredRow], *, bare: bool) -> bytes:
    """Return events as one piece of bytes."""
    return b"".join(encode_row(each, bare=bare) for each in rows)


def encode_row(row: StoredRow, *, bare: bool) -> bytes:
    """Return one stored event as it goes over the wire; `bare`: of plans the topic alone."""
    return server_sent_events.encoded(_data(row, bare), event_id=str(row.position))


def _data(row: StoredRow, bare: bool) -> bytes:
    if bare and is_of_verticals(row.topic):
        context = row.topic.partition(".")[0]
        return encode({"topic": row.topic, "context": context, "position": row.position})
    try:
        event = decode(row.topic, row.state, row.originator_id, row.originator_version)
    except UnknownTopic:
        return _as_stored(row)
    return encode(RecordedAnswer(**fields_of_event(event), position=row.position))


def _as_stored(row: StoredRow) -> bytes:
    """Return an event of a newer program: it is passed on as it is, as nobody may miss one."""
    state = json.decode(row.state, type=dict[str, object])
    provenance = state.pop("provenance", {})
    state.pop("previous_hash", None)
    found = {"topic": row.topic, "context": row.topic.partition(".")[0]}
    return encode(
        found
        | {"stream_id": row.originator_id, "version": row.originator_version}
        | (provenance if isinstance(provenance, dict) else {})
        | {"data": state, "position": row.position}
    )
