"""What a group sends to the store: rows, replies, and what must stand for them to be stored."""

from collections.abc import Sequence
from datetime import datetime

from application.ledger.store import Batch, KeptReply, Row
from application.ledger.unit_of_work import Member, Reads


def batch_of(group: Sequence[Member], recorded_at: datetime) -> Batch:
    """Return what a group of decided commands comes to."""
    rows: list[Row] = []
    replies: list[KeptReply] = []
    reads: Reads = {}
    written_on: dict[int, int] = {}
    for member in group:
        rows += member.rows
        if kept := member.kept_reply(len(rows)):
            replies.append(kept)
        for key, seen in member.reads.items():
            known = reads.get(key)
            # Of two, the older: what was decided on it must stand as well.
            if known is None or seen[1] < known[1]:
                reads[key] = seen
        for key in member.written:
            written_on.setdefault(key, member.reads[key][1])
    for key, version in written_on.items():
        if reads[key][1] == version:  # the insert finds out whether it has moved on
            del reads[key]
    recorded_at_us = int(recorded_at.timestamp() * 1_000_000)
    return Batch(rows, list(reads.values()), replies, recorded_at_us)
