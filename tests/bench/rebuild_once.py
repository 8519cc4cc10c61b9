"""Rebuild the supplier projections once, in a process of its own; print speed and memory."""

import asyncio
import json
import resource

from interfaces.service import open_service
from interfaces.settings import Settings
from tests.bench.measuring import stopwatch


async def _main() -> dict[str, float]:
    settings = Settings()
    async with open_service(settings) as service:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with stopwatch() as elapsed:
            position = service.projector.rebuild(budget_bytes=settings.rebuild_budget_bytes)
            seconds = elapsed()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"rate": position / seconds, "memory_mb": (after - before) / 1024}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main())))
