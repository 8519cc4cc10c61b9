"""What one server has drawn: the bundle is kept as it is sent, pictures are made when asked for."""

from typing import Any, ClassVar, cast

from interfaces.http.asked import Asked
from interfaces.http.errors import RETRY_AFTER_SECONDS, RequestRefused
from interfaces.pages.assets import BUNDLE, Asset, asset
from interfaces.pages.drawing import Drawer, DrawingFailed, PictureForm, TooManyDrawings


class Drawings:
    """The pictures of one server."""

    # The same for every server of a process, like the files of the package.
    _bundle: ClassVar[Asset | None] = None

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    async def bundle(self) -> Asset:
        """Return the module that draws charts in a browser."""
        if Drawings._bundle is None:
            Drawings._bundle = asset(BUNDLE, await _told(self._drawer.bundle()))
        return Drawings._bundle

    async def picture(self, spec: dict[str, Any], form: PictureForm) -> bytes:
        """Return a picture."""
        return await _told(self._drawer.draw(spec, form))

    async def close(self) -> None:
        """End what is under way."""
        await self._drawer.close()


async def _told(drawing: Any) -> bytes:
    try:
        return cast(bytes, await drawing)
    except TooManyDrawings as error:
        raise _not_now("too-many-drawings", error) from None
    except DrawingFailed as error:
        raise _not_now("drawing-failed", error) from error


def _not_now(code: str, error: Exception) -> RequestRefused:
    after = {"retry-after": str(RETRY_AFTER_SECONDS)}
    return RequestRefused(503, code, str(error), headers=after, retryable=True)


def drawings_of(asked: Asked) -> Drawings:
    """Return the drawings of the server that was asked."""
    return cast(Drawings, asked.app.state.drawings)
