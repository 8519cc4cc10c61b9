"""Where a rebuild keeps what it has folded so far, so that one that is killed can go on.

A spool is a file of frames. What counts is the length that the database knows: whatever a killed
writer has left beyond it is cut off.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from sys import intern
from typing import Any
from zlib import crc32

import msgspec
from sqlalchemy import Table

from projections.beside import RebuildRefused
from projections.projection import Key, Row

_FRAME_ROWS = 1_000

# One frame: the table's name, keys, and rows (None: the row is no more).
_Frame = tuple[str, list[Any], list[Any]]


class SpoolDamaged(RebuildRefused):
    """A spool does not hold what was written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} is damaged; begin the rebuild anew with --anew")


class Spool:
    """The file of one part of one rebuild, as whoever has the lease of an epoch writes it."""

    def __init__(self, folder: Path, rebuild_id: str, number: int, *, epoch: int) -> None:
        self._path = folder / rebuild_id / f"part-{number}-{epoch}"

    def add(self, known_bytes: int, changed: Mapping[Table, dict[Key, Row | None]]) -> int:
        """Write rows behind what is known already, and return the length to be known from now on.

        They are on disk when this returns.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        encode = msgspec.msgpack.Encoder().encode
        with self._path.open("r+b" if self._path.exists() else "x+b") as file:
            file.truncate(known_bytes)
            file.seek(known_bytes)
            for table, rows in changed.items():
                items = list(rows.items())
                for start in range(0, len(items), _FRAME_ROWS):
                    some = items[start : start + _FRAME_ROWS]
                    keys, values = [key for key, _ in some], [row for _, row in some]
                    chunk = encode((str(table.name), keys, values))
                    file.write(len(chunk).to_bytes(8) + crc32(chunk).to_bytes(4) + chunk)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def take_over(self, earlier: "Spool", known_bytes: int) -> None:
        """Begin with what another process knew; it may still be writing, so it keeps its file."""
        if known_bytes:
            shutil.copyfile(earlier._path, self._path)

    def holds(self, known_bytes: int) -> bool:
        """Return whether what is known to be there can be there: a folder may have been cleared."""
        return known_bytes == 0 or (
            self._path.exists() and self._path.stat().st_size >= known_bytes
        )

    def rows(
        self, known_bytes: int, tables: Mapping[Table, type[Row]]
    ) -> Iterator[tuple[Table, Key, Row | None]]:
        """Return rows of these tables in the order they were written in. Raises SpoolDamaged."""
        if not known_bytes:
            return
        by_name = {table.name: (table, row_class) for table, row_class in tables.items()}
        decode = msgspec.msgpack.Decoder(_Frame).decode
        with self._path.open("rb") as file:
            while file.tell() < known_bytes:
                size, checksum = int.from_bytes(file.read(8)), int.from_bytes(file.read(4))
                chunk = file.read(size)
                if len(chunk) != size or crc32(chunk) != checksum:
                    raise SpoolDamaged(self._path)
                name, keys, values = decode(chunk)
                if name not in by_name:  # of a projection that is not rebuilt any more
                    continue
                table, row_class = by_name[name]
                for key, row in zip(keys, values, strict=True):
                    # A key of several columns comes back as a list.
                    whole = tuple(key) if isinstance(key, list) else key
                    yield table, whole, None if row is None else row_class(*map(_once, row))


def _once(value: Any) -> Any:
    """Return text of which there is one copy in memory, as rules make it where it repeats."""
    return intern(value) if type(value) is str else value


def clear_spools(folder: Path, rebuild_id: str) -> None:
    """Remove the spools of a rebuild, and the folder when it is empty."""
    shutil.rmtree(folder / rebuild_id, ignore_errors=True)
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
