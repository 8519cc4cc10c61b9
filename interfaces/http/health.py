"""For those who run the server: is it alive, can it serve, and how is it doing."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter
from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from interfaces.freshness import Fault, faults
from interfaces.http.asked import Asked
from interfaces.http.routes import Route, operational, schema_of
from interfaces.http.wire import JSON_TYPE, encode, json_response
from interfaces.service import Service
from projections.statuses import ProjectionStatus

router = APIRouter(route_class=Route, tags=["operation"])


class Alive(Struct, frozen=True):
    status: Literal["alive"]


class Readiness(Struct, frozen=True):
    """Each part is `ok`, `elsewhere` when another process runs it, or says what is wrong."""

    status: Literal["ready", "not ready"]
    ledger: str
    projector: str
    capacity_files: str


class Runner(Struct, frozen=True):
    """Who does a piece of work for the read models, or did."""

    name: str
    holder: str
    held: bool
    heartbeat_seconds: float


class Freshness(Struct, frozen=True):
    """Whether answers keep up with the ledger."""

    status: Literal["fresh", "stale"]
    faults: list[Fault]
    projections: list[ProjectionStatus]
    runners: list[Runner]


def _json(answer: type) -> dict[str, Any]:
    return {"content": {JSON_TYPE: {"schema": schema_of(answer)}}}


@router.get("/healthz", **operational({200: _json(Alive)}))
async def healthz(asked: Asked) -> Response:
    """Answer as long as the process does."""
    return json_response(encode(Alive("alive")))


@router.get("/readyz", **operational({200: _json(Readiness), 503: _json(Readiness)}))
async def readyz(asked: Asked) -> Response:
    """Answer 503 when commands cannot be stored, or reads no longer follow them."""
    found = readiness(asked)
    return json_response(encode(found), status=200 if found.status == "ready" else 503)


@router.get("/freshz", **operational({200: _json(Freshness), 503: _json(Freshness)}))
async def freshz(asked: Asked) -> Response:
    """Answer 503 when answers are behind: nobody follows, too far, or something is parked."""
    found = await asyncio.to_thread(freshness, asked.service)
    return json_response(encode(found), status=200 if found.status == "fresh" else 503)


@router.get("/metrics", **operational({200: {"content": {"text/plain": {"schema": {}}}}}))
async def metrics(asked: Asked) -> Response:
    """Show counters and gauges in the text format of Prometheus."""
    service = asked.service
    projector = service.projector
    projections = await asyncio.to_thread(projector.status, clock=service.clock)
    leases = await asyncio.to_thread(projector.runners)
    text = asked.app.state.metrics.text(service, projections, leases)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def freshness(service: Service) -> Freshness:
    """Say whether answers keep up with the ledger, and if not why; takes a thread's time."""
    projections = service.projector.status(clock=service.clock)
    leases = service.projector.runners()
    found = faults(projections, leases, fresh_seconds=service.settings.fresh_seconds)
    return Freshness(
        status="stale" if found else "fresh",
        faults=found,
        projections=projections,
        runners=[
            Runner(each.name, str(each.holder), each.held, each.heartbeat_seconds)
            for each in leases
        ],
    )


def readiness(asked: Asked) -> Readiness:
    """Say of each part whether it works."""
    service = asked.service
    ledger = "ok" if service.ledger.failure is None else "stopped storing; restart the process"
    follower = service.follower
    projector = f"failing: {follower.problem}" if follower.problem else "ok"
    if asked.app.state.projector is None:
        projector = "elsewhere"
    return Readiness(
        # A capacity file that is not written stops nobody from booking.
        status="ready" if ledger == "ok" and projector in ("ok", "elsewhere") else "not ready",
        ledger=ledger,
        projector=projector,
        capacity_files=follower.files_problem or "ok",
    )
