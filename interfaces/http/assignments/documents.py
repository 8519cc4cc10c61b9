"""Planning documents: everything at once, checked whole before any of it is stored."""

import asyncio
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response, StreamingResponse

from application.assignments import KindCount, PlanningImported
from domain.assignments.hours import LenientCell
from domain.assignments.records import LISTS
from domain.errors import Invalid
from domain.names import shown
from interfaces.http.admission import check_batch
from interfaces.http.asked import Asked, flag
from interfaces.http.commands import COMMAND_QUERY, answer_command
from interfaces.http.parameters import query_flag, query_text
from interfaces.http.questions import asked_position
from interfaces.http.routes import Route, command, question
from interfaces.http.wire import encode, json_response
from interfaces.planning_sheets import Format, check_list, given_records, write_document
from interfaces.sheets import MEDIA_TYPES, Cell

router = APIRouter(route_class=Route, tags=["planning"])

_IMPORT, _EXPORT = "/v1/planning/import", "/v1/planning/export"
MAX_CELLS_SHOWN = 1_000
_PIECE_BYTES = 2**16
# By media type, without its parameters.
_SHEET_TYPES: dict[str, Format] = {
    media_type.partition(";")[0]: format_ for format_, media_type in MEDIA_TYPES.items()
}
_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}

_LISTS: dict[str, Any] = {
    "type": "object",
    "properties": {key: {"type": "array", "items": {"type": "object"}} for key in LISTS},
    "example": {"roles": [{"id": 1, "name": "Engineer"}]},
}


class PlanningImportedAnswer(Struct, frozen=True):
    """What became of each list's records, and the values that were read leniently.

    Of very many such values the first thousand are shown; `lenient_cell_count` counts them all.
    """

    changed: bool
    recorded_events: int
    week_cells: int
    counts: dict[str, KindCount]
    lenient_cell_count: int
    lenient_cells: tuple[LenientCell, ...]


def _in_sheets(declared: Any) -> Any:
    """Return what is said of a route, whose body may also be a sheet or a workbook."""
    content = declared["openapi_extra"]["requestBody"]["content"]
    content |= dict.fromkeys(_SHEET_TYPES, _BYTES)
    return declared


def _as_sheets(declared: Any) -> Any:
    """Return what is said of a route, whose answer may also be a sheet or a workbook."""
    declared["responses"][200]["content"] |= dict.fromkeys(_SHEET_TYPES, _BYTES)
    return declared


@router.post(
    _IMPORT,
    **_in_sheets(
        command(
            _IMPORT,
            {200: PlanningImportedAnswer},
            body=_LISTS,
            query=[
                query_flag("lenient", "Read unusable hours as the original's report does"),
                query_text("list", "The list that a CSV body holds, else `assignments`"),
            ],
            scope="staff",
            batch=True,
        )
    ),
)
async def import_planning(asked: Asked) -> Response:
    """Have everything that a planning document names as it says; the same again is quiet.

    The body is JSON or a workbook with any of its lists, or CSV with one of them.
    """
    query = asked.query("lenient", "list", *COMMAND_QUERY)
    await check_batch(asked.scope)
    lenient = flag("lenient", query.get("lenient", "false"))
    format_, document = await _handed_in(asked)
    key = _list(query, format_)
    limit_bytes = asked.service.settings.planning_bytes

    records = given_records(BytesIO(document), format_, key=key, limit_bytes=limit_bytes)
    planning = asked.service.planning
    use_case = partial(planning.import_records, records=records, lenient=lenient)
    return await answer_command(asked, use_case, _imported, query=query, body=document)


async def _handed_in(asked: Asked) -> tuple[Format, bytes]:
    """Return the body and its format, by its media type."""
    media_type = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (format_ := _SHEET_TYPES.get(media_type)) is None:
        return "json", await asked.json_bytes(*_SHEET_TYPES)
    return format_, await asked.body()


def _list(query: dict[str, str], format_: Format) -> str:
    if "list" in query and format_ != "csv":
        raise Invalid(
            ("/list", f"says nothing beside {format_}, which holds any list; leave it out")
        )
    key = query.get("list", "assignments")
    check_list(key)
    return key


@router.get(
    _EXPORT,
    **_as_sheets(
        question(
            _EXPORT,
            {"type": "object"},
            query=[
                query_text("format", "`json`, `csv` (one list) or `xlsx`; else `json`"),
                query_text("list", "The list that is exported as CSV, else `assignments`"),
            ],
            projected=False,
            scope="staff",
        )
    ),
)
async def export_planning(asked: Asked) -> Response:
    """Return everything as a planning document, with the names of people; or as it was."""
    query = asked.query("as_of", "format", "list")
    format_ = _format(query.get("format", "json"))
    key = _list(query, format_)
    past = await asked_position(asked, query)
    # The head is read first: what is stored meanwhile may stand in the document already.
    position = asked.service.ledger.head if past is None else past
    document = await asked.service.planning.export_document(up_to=past)
    headers = {"capacity-position": str(position)}
    if format_ == "json":
        return json_response(await asyncio.to_thread(encode, document), headers=headers)
    details: list[tuple[str, Cell]] = [
        ("position", position),
        ("exported at", asked.service.clock().isoformat()),
    ]
    write = partial(write_document, document=document, format_=format_, key=key, details=details)
    file = cast(IO[bytes], SpooledTemporaryFile(max_size=2**20))  # noqa: SIM115 - closed when sent
    try:
        await asyncio.to_thread(write, file)
    except BaseException:
        file.close()
        raise
    name = f"{key if format_ == 'csv' else 'planning'}.{format_}"
    headers["content-disposition"] = f'attachment; filename="{name}"'
    return StreamingResponse(_pieces(file), headers=headers, media_type=MEDIA_TYPES[format_])


def _format(text: str) -> Format:
    if text not in ("json", "csv", "xlsx"):
        raise Invalid(("/format", f"found {shown(text)}, json, csv or xlsx are known"))
    return cast(Format, text)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _imported(result: PlanningImported) -> tuple[int, Any]:
    return 200, PlanningImportedAnswer(
        changed=result.changed,
        recorded_events=result.events,
        week_cells=result.week_cells,
        counts=result.counts,
        lenient_cell_count=len(result.lenient_cells),
        lenient_cells=result.lenient_cells[:MAX_CELLS_SHOWN],
    )
