"""A process that calls the drop-in functions, or counts in the original's way.

`python -m tests.support.capacity_caller WAY OFFERS CAPACITY_FILE TAG TASKS CALLS` waits for a line
on its input, then books with ACME from TASKS tasks, CALLS in all, and prints a line for each
registration as soon as it was acknowledged. WAY is `ours` or `original`.
"""

import asyncio
import sys
from pathlib import Path

from interfaces.files.capacity_tracker import update_supplier_capacity
from tests.support import original_tracker

SUPPLIER = "ACME"


async def _main(way: str, offers: str, path: str, tag: str, tasks: int, calls: int) -> None:
    waiting = [f"{tag}-{number}" for number in range(calls)]

    async def call() -> None:
        while waiting:
            registration_id = waiting.pop(0)
            match = {"supplier_id": SUPPLIER, "registration_id": registration_id}
            try:
                if way == "ours":
                    await update_supplier_capacity(match, offers, path)
                else:
                    await original_tracker.update(SUPPLIER, Path(path))
            except ValueError as error:
                if "capacity exceeded" not in str(error):
                    raise
            else:
                print(registration_id, flush=True)

    await asyncio.gather(*(call() for _ in range(tasks)))


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    way, offers, path, tag, tasks, calls = sys.argv[1:]
    asyncio.run(_main(way, offers, path, tag, int(tasks), int(calls)))
