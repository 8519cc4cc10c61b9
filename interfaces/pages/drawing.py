"""Charts as files, and the bundle that draws them in a browser; both are carried by vl-convert.

A server draws in a process that ends with the picture: the engine inside takes 160 MB and a second
of a core, which neither the event loop nor whoever asks next shall feel.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Any, Literal, NamedTuple

import msgspec
import structlog

PictureForm = Literal["svg", "png"]

BUNDLE_SNIPPET = "export { vegaEmbed };"
_PNG_SCALE = 2.0
_DRAWN_SECONDS = 25.0  # 0.5 on an idle machine; below the time that a request may take
_WAITING = 8

_log = structlog.get_logger(__name__)


class DrawingFailed(RuntimeError):
    """The process that draws ended without a picture."""


class TooManyDrawings(RuntimeError):
    """More pictures are waited for than can soon be drawn."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} pictures are waiting to be drawn already; try again soon")


class Order(NamedTuple):
    """What the process is to make: a picture of a spec, or the bundle."""

    form: Literal["svg", "png", "bundle"]
    spec: dict[str, Any]


def drawn(spec: dict[str, Any], form: PictureForm) -> bytes:
    """Return a picture of a spec; it takes a second of this process."""
    import vl_convert

    # Nothing is fetched: a spec holds its own figures.
    if form == "svg":
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
    return vl_convert.vegalite_to_png(spec, scale=_PNG_SCALE, allowed_base_urls=[])


def bundled() -> bytes:
    """Return the module that draws specs in a browser: it exports `vegaEmbed`."""
    import vl_convert

    return vl_convert.javascript_bundle(BUNDLE_SNIPPET).encode()


class Drawer:
    """Draws one picture after the other, each in a process of its own."""

    def __init__(self, *, waiting: int = _WAITING, timeout_seconds: float = _DRAWN_SECONDS) -> None:
        self._most, self._timeout_seconds = waiting + 1, timeout_seconds
        self._turn = asyncio.Semaphore(1)
        self._under_way = 0
        self._bundle: asyncio.Task[bytes] | None = None

    async def draw(self, spec: dict[str, Any], form: PictureForm) -> bytes:
        """Return a picture. Raises TooManyDrawings, DrawingFailed."""
        if self._under_way >= self._most:
            raise TooManyDrawings(self._under_way)
        self._under_way += 1
        try:
            async with self._turn:
                return await self._made(Order(form, spec))
        finally:
            self._under_way -= 1

    async def bundle(self) -> bytes:
        """Return the bundle, which is made once; those who ask meanwhile share one making."""
        if self._bundle is None or (self._bundle.done() and self._failed(self._bundle)):
            self._bundle = asyncio.create_task(self._made(Order("bundle", {})), name="bundle")
        return await asyncio.shield(self._bundle)

    async def close(self) -> None:
        """End what is under way."""
        if self._bundle is not None:
            self._bundle.cancel()
            await asyncio.wait([self._bundle])

    @staticmethod
    def _failed(task: asyncio.Task[bytes]) -> bool:
        return task.cancelled() or task.exception() is not None

    async def _made(self, order: Order) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "interfaces.pages.drawing"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                made, _ = await process.communicate(msgspec.json.encode(order))
        except TimeoutError:
            made = b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode or not made:
            _log.error("drawing_failed", form=order.form, exit_code=process.returncode)
            raise DrawingFailed(f"No {order.form} was made; the process ended early")
        return made


def main() -> None:
    """Make what stdin orders, and write it to stdout."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    made = bundled() if order.form == "bundle" else drawn(order.spec, order.form)
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
