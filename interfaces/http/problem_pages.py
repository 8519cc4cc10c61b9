"""`/problems/CODE`: what the `type` of a problem links to, for the person who follows it."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from domain.names import shown
from interfaces.http.asked import Asked
from interfaces.http.errors import RequestRefused
from interfaces.http.routes import Route, operational

router = APIRouter(route_class=Route, tags=["operation"])

PREFIX = "/problems/"
_PLAIN = {200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}}


@cache
def sections() -> dict[str, str]:
    """Return what is said of each problem, by its code."""
    text = (files("interfaces.http") / "problems.md").read_text()
    parts = [part.partition("\n") for part in text.split("\n## ")[1:]]
    return {code.strip(): f"# {code.strip()}\n\n{said.strip()}\n" for code, _, said in parts}


@router.get(f"{PREFIX}{{code}}", **operational(_PLAIN, path=f"{PREFIX}{{code}}"))
async def problem_page(asked: Asked) -> Response:
    """Say what a problem means and what to do about it."""
    code = asked.segment("code")
    if (said := sections().get(code)) is None:
        detail = f"There is no problem called {shown(code)}; docs/problems.md lists them all"
        raise RequestRefused(404, "problem-not-found", detail)
    return Response(said, media_type="text/markdown; charset=utf-8")
