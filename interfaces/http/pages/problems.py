"""What a browser is shown when something stands in the way: a page; programs get the problem."""

from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from interfaces.http.errors import PROBLEM_TYPE, Answer
from interfaces.pages.templates import Shell, page

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
_PAGES = ("/", "/suppliers", "/ledger")
_PAGES_BELOW = ("/reports/", "/suppliers/", "/ledger/", SIGN_IN, SIGN_OUT)


def is_page(path: str) -> bool:
    """Return whether people look at this path with a browser."""
    return path in _PAGES or path.startswith(_PAGES_BELOW)


def problem_response(answer: Answer, scope: Scope) -> Response:
    """Return a problem in the form that belongs to the path; who needs a key is asked for it."""
    problem = answer.problem
    if not is_page(scope["path"]):
        return Response(answer.reply.body, problem.status, answer.headers, PROBLEM_TYPE)
    if problem.status == 401 and scope["path"] != SIGN_IN:
        why = problem.type.rpartition("/")[2]
        said = {"to": _asked_for(scope)} | ({"why": why} if why != "key-missing" else {})
        query = urlencode(said)
        return RedirectResponse(f"{SIGN_IN}?{query}", 303, {"cache-control": "no-store"})
    body = page("problem", Shell(scope["path"], ""), problem=problem, back=scope["path"])
    headers = answer.headers | {"cache-control": "no-store"}
    return Response(body, problem.status, headers, "text/html; charset=utf-8")


def _asked_for(scope: Scope) -> str:
    if scope["method"] not in ("GET", "HEAD"):
        return "/"
    query = scope["query_string"].decode("latin-1")
    path = scope.get("raw_path", b"/").decode("latin-1")
    return f"{path}?{query}" if query else path
