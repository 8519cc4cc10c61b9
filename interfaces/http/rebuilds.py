"""Rebuilds over HTTP: begun, looked at, watched and cancelled; a process of its own does them."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from fastapi import APIRouter
from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from domain.errors import Invalid
from interfaces.http.admission import Admission
from interfaces.http.asked import Asked, link
from interfaces.http.errors import RequestRefused
from interfaces.http.routes import Route, job
from interfaces.http.server_sent_events import HEARTBEAT, MEDIA_TYPE, encoded
from interfaces.http.wire import encode, json_response
from interfaces.rebuild_jobs import JobStatus, RebuildJob, RebuildJobs, RebuildRunning, watched
from interfaces.rebuilding import MAX_JOBS, RebuildRequest, request_faults
from projections.catalogue import PROJECTIONS
from projections.projection import UnknownProjection, chosen_of

router = APIRouter(route_class=Route, tags=["projections"])

_REBUILDS = "/v1/projections/{projection}/rebuilds"
_REBUILD = f"{_REBUILDS}/{{rebuild_id}}"
_EVENTS = f"{_REBUILD}/events"
HEARTBEAT_SECONDS = 15.0


class RebuildBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of the new version; without a body it is built and switched to."""

    verify: bool = False
    switch: bool | None = None
    until: Annotated[str, Meta(max_length=64)] = ""
    jobs: Annotated[int, Meta(ge=1, le=MAX_JOBS)] = 1
    only: Annotated[str, Meta(max_length=400)] = ""
    anew: bool = False


def _answer(found: RebuildJob, *, status: int = 200) -> Response:
    headers = {"location": _link(found)} if status == 202 else None
    return json_response(encode(found.status()), status=status, headers=headers)


def _link(found: RebuildJob) -> str:
    (name,) = found.projections
    return link("projections", name, "rebuilds", str(found.rebuild_id))


@router.post(
    _REBUILDS,
    **job(
        _REBUILDS,
        {202: JobStatus},
        scope="staff",
        body=RebuildBody,
        problems=(404, 409, 413, 415, 422),
    ),
)
async def start(asked: Asked) -> Response:
    """Begin to build a projection anew beside the live one; the answer says where to look."""
    name = asked.segment("projection")
    try:
        chosen = chosen_of(PROJECTIONS, [name])
    except UnknownProjection as error:
        raise RequestRefused(404, "projection-not-found", str(error)) from None
    fields = await asked.json_fields(*RebuildBody.__struct_fields__)
    try:
        body = msgspec.convert(fields, RebuildBody)
    except msgspec.ValidationError as error:
        raise Invalid(("", str(error))) from None
    request = RebuildRequest(projections=(name,), **msgspec.structs.asdict(body))
    if faults := request_faults(request, chosen):
        raise Invalid(*faults)
    try:
        return _answer(_jobs(asked).start(request), status=202)
    except RebuildRunning as error:
        raise RequestRefused(409, "rebuild-under-way", str(error)) from None


@router.get(_REBUILD, **job(_REBUILD, {200: JobStatus}, problems=(404, 422)))
async def look(asked: Asked) -> Response:
    """Say how far a rebuild is, and what became of it."""
    return _answer(_found(asked))


@router.delete(_REBUILD, **job(_REBUILD, {202: JobStatus}, scope="staff", problems=(404, 422)))
async def cancel(asked: Asked) -> Response:
    """Cancel a rebuild and drop what it has built; one that has ended stays as it ended."""
    found = _found(asked)
    found.cancel()
    return _answer(found, status=202)


@router.get(
    _EVENTS,
    **job(
        _EVENTS,
        {200: {"type": "string"}},
        media_type=MEDIA_TYPE,
        problems=(404, 422),
    ),
)
async def watch(asked: Asked) -> Response:
    """Stream the state of a rebuild as it changes, to its end; `Last-Event-ID` resumes."""
    found = _found(asked)
    last = asked.headers.get("last-event-id", "0")
    seen = int(last) if last.isascii() and last.isdecimal() and len(last) < 16 else 0
    admission = cast(Admission, asked.app.state.admission)
    changes = watched(found, seen=seen, heartbeat_seconds=HEARTBEAT_SECONDS)
    stream = _until(admission.until_turned_away(asked.scope), changes)
    return StreamingResponse(stream, media_type=MEDIA_TYPE)


_END = object()


async def _until(
    turned_away: Coroutine[Any, Any, None],
    changes: AsyncIterator[tuple[int, JobStatus] | None],
) -> AsyncIterator[bytes]:
    """Stream changes while the key that opened the stream would open it still."""
    shut = asyncio.create_task(turned_away)
    change = asyncio.create_task(_next(changes))
    try:
        while True:
            await asyncio.wait((change, shut), return_when=asyncio.FIRST_COMPLETED)
            if shut.done() or change.result() is _END:
                return
            yield _encoded(change.result())
            change = asyncio.create_task(_next(changes))
    finally:
        shut.cancel()
        change.cancel()


async def _next(changes: AsyncIterator[tuple[int, JobStatus] | None]) -> Any:
    return await anext(changes, _END)


def _encoded(change: tuple[int, JobStatus] | None) -> bytes:
    if change is None:
        return HEARTBEAT
    number, status = change
    name = "progress" if status.state == "running" else "ended"
    return encoded(encode(status), event=name, event_id=str(number))


def _found(asked: Asked) -> RebuildJob:
    name, text = asked.segment("projection"), asked.segment("rebuild_id")
    try:
        found = _jobs(asked).find(UUID(text))
    except ValueError:
        raise Invalid(("/rebuild_id", "the id of a rebuild is needed")) from None
    if found is None or found.projections != (name,):
        detail = f"This server has no rebuild {text} of {name}; it may have been another's"
        raise RequestRefused(404, "rebuild-not-found", detail)
    return found


def _jobs(asked: Asked) -> RebuildJobs:
    return cast(RebuildJobs, asked.app.state.rebuilds)
