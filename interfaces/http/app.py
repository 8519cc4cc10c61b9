"""The application: routes, the door before them, and the service behind them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from interfaces.http import (
    assignments,
    event_stream,
    events,
    health,
    history,
    pages,
    problem_pages,
    rebuilds,
    reports,
    suppliers,
    time_travel,
)
from interfaces.http.admission import open_admission
from interfaces.http.asked import REQUEST_ID
from interfaces.http.door import Door
from interfaces.http.errors import RequestRefused, answer_for
from interfaces.http.metrics import Metrics
from interfaces.http.pages.drawings import Drawings
from interfaces.http.pages.problems import problem_response
from interfaces.http.reports.reporter import Reporter
from interfaces.http.routes import Route, document
from interfaces.http.stream_hub import StreamHub
from interfaces.pages.drawing import Drawer
from interfaces.rebuild_jobs import RebuildJobs
from interfaces.service import Clock, Follow, open_service, utc_now
from interfaces.settings import Settings
from interfaces.settled import settled

_ROUTERS = (
    *suppliers.ROUTERS,
    *assignments.ROUTERS,
    *reports.ROUTERS,
    events.router,
    event_stream.router,
    history.router,
    time_travel.router,
    rebuilds.router,
    health.router,
    problem_pages.router,
    *pages.ROUTERS,
)
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
            app.state.drawings = Drawings(Drawer())
            metrics.follow(service)
            streams.follow(service)
            app.state.admission = await open_admission(service, metrics)
            try:
                with settled():
                    yield
            finally:
                await streams.close()
                await app.state.drawings.close()
                await app.state.rebuilds.close()

    metrics = Metrics()
    streams = StreamHub(settings)
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
    app.state.streams = streams
    app.state.reporter = Reporter(metrics)
    app.state.projector = projector
    for router in _ROUTERS:
        # Not `include_router`, whose wrapper matches every request twice.
        app.router.routes.extend(router.routes)
    app.openapi = _once(lambda: document(app))  # type: ignore[method-assign] # FastAPI's own way
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(
        Door,
        body_bytes=settings.body_bytes,
        request_seconds=settings.request_seconds,
        metrics=metrics,
    )
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
    return problem_response(answer, request.scope)


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


def _once(make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    made: list[dict[str, Any]] = []

    def again() -> dict[str, Any]:
        if not made:
            made.append(make())
        return made[0]

    return again
