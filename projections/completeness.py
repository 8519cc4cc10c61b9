"""Completeness: which positions of the log a projection has read, kept as a count and a digest.

The digest is a sum, so it does not depend on the order or the pages in which events were read.
"""

from collections.abc import Sequence
from zlib import crc32

from msgspec import Struct

from projections.log import LogRow

# Sums are kept below this: two of them still fit a signed 64-bit column.
DIGESTS = 2**62


class Applied(Struct, frozen=True, gc=False):
    """How many events were read, and the sum of what they are known by."""

    events: int = 0
    digest: int = 0

    def __add__(self, other: "Applied") -> "Applied":
        """Return both together."""
        return Applied(self.events + other.events, (self.digest + other.digest) % DIGESTS)


def applied(page: Sequence[LogRow]) -> Applied:
    """Return the count and digest of events, by position, aggregate and version."""
    # The position counts twice, as a seed (with the version) and as a factor: two events that
    # change places change the sum. A stronger hash costs four times as much.
    known = [crc32(row[1], row[0] * 31 + row[2]) * row[0] for row in page]
    return Applied(len(page), sum(known) % DIGESTS)
