"""Signing in: a browser shows its key by a cookie, which opens what only looks."""

from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from domain.access.secrets import SECRET_PATTERN
from interfaces.http.admission import DETAILS, Admission
from interfaces.http.asked import Asked
from interfaces.http.errors import NotLetIn, RequestRefused
from interfaces.http.pages.answers import html
from interfaces.http.pages.problems import SIGN_IN, SIGN_OUT
from interfaces.http.routes import Route
from interfaces.http.session_cookie import COOKIE
from interfaces.pages.templates import Shell, page

router = APIRouter(route_class=Route)

_NO_KEY = "This is no key: a key begins with cap_"


@router.get(SIGN_IN, include_in_schema=False)
async def sign_in_page(asked: Asked) -> Response:
    """Ask for a key."""
    query = asked.query("to", "why")
    fault = DETAILS.get(query.get("why", ""), "")
    return _form(asked, _here(query.get("to", "/")), fault)


@router.post(SIGN_IN, include_in_schema=False)
async def sign_in(asked: Asked) -> Response:
    """Take a key, and go on to where it was asked for."""
    _check_from_here(asked)
    said = dict(parse_qsl((await asked.body()).decode("ascii", "replace")))
    to, key = _here(said.get("to", "/")), said.get("key", "").strip()
    if not SECRET_PATTERN.fullmatch(key):
        return _form(asked, to, _NO_KEY, status=422)
    admission: Admission = asked.app.state.admission
    try:
        await admission.check_secret(asked.scope, key.encode())
    except NotLetIn as refused:
        admission.note(refused, asked.scope, asked.request_id)
        return _form(asked, to, refused.detail, status=refused.status)
    response = RedirectResponse(to, 303, {"cache-control": "no-store"})
    response.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=_is_https(asked))
    return response


@router.post(SIGN_OUT, include_in_schema=False)
async def sign_out(asked: Asked) -> Response:
    """Forget the key."""
    _check_from_here(asked)
    response = RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_is_https(asked))
    return response


def _form(asked: Asked, to: str, fault: str, *, status: int = 200) -> Response:
    admission: Admission = asked.app.state.admission
    body = page("sign_in", Shell(SIGN_IN, ""), to=to, fault=fault, needed=admission.needs_keys)
    return html(body, status=status, headers={"cache-control": "no-store"})


def _here(address: str) -> str:
    """Return an address on this server; of any other the start page."""
    is_here = address.startswith("/") and address[1:2] not in ("/", "\\")
    return address if is_here and address.isascii() and address.isprintable() else "/"


def _check_from_here(asked: Asked) -> None:
    """Refuse what another site has a browser send; browsers say where it comes from."""
    if asked.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise RequestRefused(403, "cross-site", "This form was sent by another site")


def _is_https(asked: Asked) -> bool:
    # A proxy that ends TLS says so. Who pretends it only keeps a cookie from himself.
    forwarded = asked.headers.get("x-forwarded-proto", "")
    return "https" in (asked.scope["scheme"], forwarded.strip().lower())
