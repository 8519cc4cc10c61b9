"""The original's way of counting: read the file, change it, write it; nothing holds others off."""

import asyncio
import json
import os
from pathlib import Path
from threading import get_ident
from typing import Any


async def update(supplier: str, path: Path, *, synced: bool = False) -> None:
    """Count one slot; `synced` makes the write whole and durable, as ours is."""
    document = await asyncio.to_thread(_read, path)
    record = document[supplier]
    used = record["Used"] + 1
    if used > record["Capacity"]:
        raise ValueError(f"Supplier {supplier} capacity exceeded: {used} > {record['Capacity']}")
    record["Used"], record["UsedPct"] = used, round(used / record["Capacity"], 2)
    text = json.dumps(document, indent=2).encode()
    await asyncio.to_thread(_write_synced if synced else _write, path, text)


def _read(path: Path) -> dict[str, Any]:
    while True:
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except json.JSONDecodeError:  # another is in the middle of its write: its luck, not ours
            continue
        return found


def _write(path: Path, text: bytes) -> None:
    path.write_bytes(text)


def _write_synced(path: Path, text: bytes) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.{get_ident()}.tmp")
    with temporary.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
