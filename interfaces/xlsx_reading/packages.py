"""The parts of a workbook: an archive whose size is known before anything of it is unpacked."""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import IO, Any
from xml.parsers import expat

from domain.errors import Invalid
from domain.names import shown

MAX_PARTS = 1_000
_CHUNK_BYTES = 2**16
_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = 0x1

Attributes = dict[str, str]


class Package:
    """The archive that a workbook is. Every method raises Invalid for what is damaged."""

    def __init__(self, file: IO[bytes], *, limit_bytes: int, setting: str) -> None:
        """Look at what it holds. `limit_bytes` is how large all parts may be, unpacked."""
        if file.read(4) == _OLD_OR_ENCRYPTED:
            detail = "found a workbook that is encrypted, or of before 2007; save it as plain .xlsx"
            raise Invalid(("", detail))
        file.seek(0)
        with _damage_named(""):
            self._archive = zipfile.ZipFile(file)
        parts = self._archive.infolist()
        if len(parts) > MAX_PARTS:
            raise Invalid(("", f"found {len(parts)} parts, at most {MAX_PARTS} are allowed"))
        if any(each.flag_bits & _ENCRYPTED for each in parts):
            raise Invalid(("", "found an encrypted archive; save it without a password"))
        # No part yields more than it says of itself: beyond that it is not read.
        if (unpacked := sum(each.file_size for each in parts)) > limit_bytes:
            detail = (
                f"found {unpacked} bytes unpacked, at most {limit_bytes} are allowed ({setting})"
            )
            raise Invalid(("", detail))

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return part in self._archive.NameToInfo

    def chunks(self, part: str) -> Iterator[bytes]:
        """Yield a part piece by piece, unpacked."""
        if not self.has(part):
            raise Invalid(("", f"no workbook: it has no part {shown(part)}"))
        with _damage_named(part), self._archive.open(part) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def walk(self, part: str, parser: "PartParser") -> Iterator[None]:
        """Let a parser read a part; stop after every piece, so that what it found can be taken."""
        reader = expat.ParserCreate()
        reader.buffer_text = True
        reader.StartElementHandler = parser.start
        reader.EndElementHandler = parser.end
        reader.CharacterDataHandler = parser.text
        reader.StartDoctypeDeclHandler = _refuse_definitions
        for chunk in chain(self.chunks(part), (b"",)):
            try:
                reader.Parse(chunk, not chunk)
            except expat.ExpatError as error:
                raise Invalid(("", f"a damaged workbook: {error} in {part}")) from None
            yield


class PartParser:
    """Is told the elements of a part; `start`, `end` and `text` may be overridden."""

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text stands in the element."""


class Elements(PartParser):
    """Tells what elements begin, by their names without prefix."""

    def __init__(self, told: Callable[[str, Attributes], None]) -> None:
        self._told = told

    def start(self, tag: str, attributes: Attributes) -> None:
        self._told(local(tag), attributes)


def local(tag: str) -> str:
    """Return the name of an element without its prefix, which every program chooses for itself."""
    return tag.rpartition(":")[2] if ":" in tag else tag


def _refuse_definitions(*_: Any) -> None:
    raise Invalid(("", "no workbook: a part of it defines a document type of its own"))


@contextmanager
def _damage_named(part: str) -> Iterator[None]:
    where = f" in {part}" if part else ""
    try:
        yield
    except zipfile.BadZipFile as error:
        raise Invalid(("", f"no workbook: {error}")) from None
    except (zlib.error, struct.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise Invalid(("", f"a damaged workbook: {error}{where}")) from None
