"""`/static/DIGEST/NAME`: styles and modules of pages; a URL's content never changes."""

from fastapi import APIRouter
from starlette.responses import Response

from domain.names import shown
from interfaces.http.asked import Asked
from interfaces.http.errors import RequestRefused
from interfaces.http.pages.drawings import drawings_of
from interfaces.http.routes import Route
from interfaces.pages.assets import BUNDLE, PREFIX, Asset, assets, digest

router = APIRouter(route_class=Route)

_FOR_EVER = "public, max-age=31536000, immutable"


@router.get(f"{PREFIX}{{digest}}/{{name}}", include_in_schema=False)
async def static_file(asked: Asked) -> Response:
    """Answer with a file of the package, or with the bundle that draws charts."""
    found = await _found(asked, asked.segment("digest"), asked.segment("name"))
    headers = {"cache-control": _FOR_EVER, "vary": "Accept-Encoding"}
    if "gzip" not in asked.headers.get("accept-encoding", ""):
        return Response(found.body, headers=headers, media_type=found.media_type)
    headers["content-encoding"] = "gzip"
    return Response(found.packed, headers=headers, media_type=found.media_type)


async def _found(asked: Asked, said_digest: str, name: str) -> Asset:
    if said_digest == digest():
        if name == BUNDLE:
            return await drawings_of(asked).bundle()
        if name in assets():
            return assets()[name]
    detail = f"There is no file {shown(name)} of this version; load the page anew"
    raise RequestRefused(404, "route-not-found", detail)
