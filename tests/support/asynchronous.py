"""Tests that await: each runs in an event loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS = 30.0
_STEPS = 20


def asynchronous(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let pytest run an `async def` test."""

    @wraps(test)
    def run(*arguments: P.args, **keywords: P.kwargs) -> None:
        asyncio.run(test(*arguments, **keywords))

    return run


async def settled() -> None:
    """Let every task that can go on without the outside world do so."""
    for _ in range(_STEPS):
        await asyncio.sleep(0)


async def soon(awaited: Awaitable[T]) -> T:
    """Await something that must happen; a test that hangs fails instead."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await awaited


async def until(seen: Callable[[], T]) -> T:
    """Look again and again, and return the first thing seen that is not empty."""
    while not (found := seen()):  # noqa: ASYNC110 # it lies outside this process
        await asyncio.sleep(0)
    return found
