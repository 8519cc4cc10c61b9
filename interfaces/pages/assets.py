"""Files that pages load: they lie in the package, and their URL changes when one of them does."""

from functools import cache
from gzip import compress
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import NamedTuple

from interfaces.pages.drawing import BUNDLE_SNIPPET

BUNDLE = "vega.js"  # made, not packaged: see drawing.py
PREFIX = "/static/"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class Asset(NamedTuple):
    """A file as it is sent, plain and packed."""

    body: bytes
    packed: bytes
    media_type: str


def asset(name: str, body: bytes) -> Asset:
    """Return a file that is sent under a name."""
    # Without the time, which a gzip head holds: the same file is the same bytes.
    return Asset(body, compress(body, mtime=0), _TYPES[name.rpartition(".")[2]])


@cache
def assets() -> dict[str, Asset]:
    """Return the packaged files by name."""
    found = (files("interfaces.pages") / "static").iterdir()
    return {
        each.name: asset(each.name, each.read_bytes())
        for each in sorted(found, key=lambda each: each.name)
        if each.name.rpartition(".")[2] in _TYPES
    }


@cache
def digest() -> str:
    """Return what stands for the content of all files, the bundle too."""
    whole = sha256(f"{version('vl-convert-python')} {BUNDLE_SNIPPET}".encode())
    for name, found in assets().items():
        whole.update(f"{name} {sha256(found.body).hexdigest()}\n".encode())
    return whole.hexdigest()[:16]


def asset_url(name: str) -> str:
    """Return where a file is found. One digest for all: so they may import each other by name."""
    if name != BUNDLE and name not in assets():
        raise KeyError(name)
    return f"{PREFIX}{digest()}/{name}"
