"""The application: routes, the door before them, and the service behind them."""

import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from interfaces.http import events, health, rebuilds, suppliers
from interfaces.http.asked import REQUEST_ID
from interfaces.http.door import Door
from interfaces.http.errors import PROBLEM_TYPE, RequestRefused, answer_for
from interfaces.http.metrics import Metrics
from interfaces.http.routes import Route, document
from interfaces.rebuild_jobs import RebuildJobs
from interfaces.service import Clock, Follow, open_service, utc_now
from interfaces.settings import Settings

# What is alive after start-up stays for ever: looking through it at every full collection cost
# 30 to 45 ms at the 99th percentile.
_COLLECT_AFTER = (50_000, 20, 100)
# How long a thread that answers a report may keep the interpreter from the event loop; Python's
# default of 5 ms is felt by every command beside a few reports.
_SWITCH_SECONDS = 0.0005
_HTTP_CODES = {404: "route-not-found", 405: "method-not-allowed"}


def create_app(
    settings: Settings, *, clock: Clock = utc_now, projector: Follow | None = "threads"
) -> FastAPI:
    """Return the application; it opens its service when it is started, and closes it at the end.

    With a `projector` its read models and capacity files follow the ledger by themselves.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_service(settings, clock=clock, projector=projector) as service:
            app.state.service = service
            app.state.rebuilds = RebuildJobs(settings)
            metrics.follow(service)
            try:
                with _settled_memory():
                    yield
            finally:
                await app.state.rebuilds.close()

    metrics = Metrics()
    app = FastAPI(
        title="Capacity Ledger",
        version=version("capacity-ledger"),
        summary="Who has how much of what, who used it, who changed it, when and why",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.metrics = metrics
    app.state.projector = projector
    for router in (*suppliers.ROUTERS, events.router, rebuilds.router, health.router):
        # Not `include_router`, whose wrapper matches every request twice.
        app.router.routes.extend(router.routes)
    app.openapi = _once(lambda: document(app))  # type: ignore[method-assign] # FastAPI's own way
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(Door, body_bytes=settings.body_bytes, metrics=metrics)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what the router itself refuses."""
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "refused")
    where = f"{request.method} {request.url.path}"
    detail = f"{where}: {error.detail}"
    request_id: UUID = request.scope[REQUEST_ID]
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _methods(request)  # the router names those of the first route alone
    refused = RequestRefused(error.status_code, code, detail, headers=headers)
    answer = answer_for(refused, request_id)
    assert answer is not None
    return Response(answer.reply.body, answer.reply.status, answer.headers, PROBLEM_TYPE)


def _methods(request: Request) -> str:
    """Return the methods of all routes with this path."""
    routes = [each for each in request.app.router.routes if isinstance(each, Route)]
    found = {
        method
        for each in routes
        if each.path_regex.match(request.scope["path"])
        for method in each.methods or ()
    }
    return ", ".join(sorted(found))


@contextmanager
def _settled_memory() -> Iterator[None]:
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*before)
        gc.unfreeze()


def _once(make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    made: list[dict[str, Any]] = []

    def again() -> dict[str, Any]:
        if not made:
            made.append(make())
        return made[0]

    return again
