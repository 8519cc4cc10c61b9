"""The original's way of counting: read the file, change it, write it; nothing holds others off.

Here the write is whole and durable, as ours is, so that what is compared is the counting alone.
"""

import asyncio
import json
import os
from pathlib import Path
from threading import get_ident
from typing import Any


async def update(supplier: str, path: Path) -> None:
    """Count one slot. Raises ValueError where the file that was read has no room."""
    document = await asyncio.to_thread(_read, path)
    record = document[supplier]
    used = record["Used"] + 1
    if used > record["Capacity"]:
        raise ValueError(f"Supplier {supplier} capacity exceeded: {used} > {record['Capacity']}")
    record["Used"], record["UsedPct"] = used, round(used / record["Capacity"], 2)
    await asyncio.to_thread(_write, path, json.dumps(document, indent=2).encode())


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _write(path: Path, text: bytes) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.{get_ident()}.tmp")
    with temporary.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
