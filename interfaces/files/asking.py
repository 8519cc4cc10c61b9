"""Asking a callable of the caller's own, within a time limit: it may be async or not, and hang."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any

MAX_SAID_CHARACTERS = 300
Asked = Callable[..., Any]


class NoAnswer(Exception):
    """The callable raised, or did not answer in time; the message says which."""


async def ask(asked: Asked, *arguments: Any, called: str, timeout_seconds: float) -> Any:
    """Return what a callable answers. Raises NoAnswer.

    What is not async runs in a thread of its own, so that it may block. One that hangs is left
    behind: nothing waits for it, neither here nor when the program ends. One that is async must
    not block the event loop, as nothing that runs in it could stop it.
    """
    task = asyncio.ensure_future(_answer(asked, arguments))
    done, _ = await _waited(task, timeout_seconds)
    if not done:
        task.add_done_callback(_forget)
        task.cancel()
        raise NoAnswer(f"the {called} gave no answer within {timeout_seconds:g} seconds")
    try:
        return task.result()
    except asyncio.CancelledError:
        raise NoAnswer(f"the {called} was cancelled") from None
    except Exception as error:
        raise NoAnswer(f"the {called} raised {_said(error)}") from error


def _forget(task: "asyncio.Future[Any]") -> None:
    """Take note of what comes too late, or the event loop would complain that nobody did."""
    if not task.cancelled():
        task.exception()


async def _waited(task: "asyncio.Future[Any]", timeout_seconds: float) -> Any:
    try:
        return await asyncio.wait({task}, timeout=timeout_seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise


async def _answer(asked: Asked, arguments: tuple[Any, ...]) -> Any:
    call = getattr(asked, "__call__", asked)  # noqa: B004 - an object may have an async __call__
    if inspect.iscoroutinefunction(asked) or inspect.iscoroutinefunction(call):
        return await asked(*arguments)
    answer = await _in_a_thread(asked, arguments)
    return await answer if inspect.isawaitable(answer) else answer


def _in_a_thread(asked: Asked, arguments: tuple[Any, ...]) -> Awaitable[Any]:
    """Run a callable in a daemon thread: a pool would wait for it at the program's end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def tell(answer: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)

    def run() -> None:
        answer: Any = None
        error: Exception | None = None
        try:
            answer = context.run(asked, *arguments)
        except StopIteration as stopped:  # which no future may hold
            error = RuntimeError(f"StopIteration: {stopped}")
        except Exception as raised:
            error = raised
        except BaseException as raised:  # such as SystemExit: the run is not the callable's to end
            error = RuntimeError(f"{type(raised).__name__}: {raised}")
        if not loop.is_closed():
            try:
                loop.call_soon_threadsafe(tell, answer, error)
            except RuntimeError:  # closed meanwhile, and nobody waits any more
                return

    threading.Thread(target=run, name="asked", daemon=True).start()
    return future


def one_line(error: BaseException | str) -> str:
    """Return what an error says as one line that can be stored, printed and read."""
    lines = " ".join(each.strip() for each in str(error).splitlines())
    text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in lines)
    return text if len(text) <= MAX_SAID_CHARACTERS else f"{text[:MAX_SAID_CHARACTERS]}..."


def _said(error: BaseException) -> str:
    text = one_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
