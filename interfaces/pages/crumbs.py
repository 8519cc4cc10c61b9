"""Where a page belongs: the way that leads to it, as links."""

from msgspec import Struct


class Link(Struct, frozen=True):
    """Where something leads; to nowhere if the address is empty."""

    name: str
    address: str = ""
