"""Reports as files: written row by row by threads of their own, then sent piece by piece.

A file is whole before its first byte goes out, so a failure is an error and never half a table,
and a client that reads slowly keeps no transaction open.
"""

from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple, cast
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from domain.errors import Invalid
from interfaces.http.asked import Asked
from interfaces.http.parameters import Schema, query_text
from interfaces.http.questions import go_to, stands
from interfaces.http.reports.asking import one_of
from interfaces.sheets import FORMATS, MEDIA_TYPES, Format, Sheet, write_csv, write_xlsx
from projections.role_capacity import role_capacity

_PIECE_BYTES = 2**16
_PAGES = ("limit", "cursor")

FORMAT = query_text(
    "format",
    f"json, or {' or '.join(FORMATS)}: the whole of it as a table, a row for each week of each",
)


_HEADERS = {
    name: {"description": f"Only with a file: {meaning}", "schema": {"type": "string"}}
    for name, meaning in (
        ("Content-Disposition", "the name under which to keep it"),
        ("Capacity-Filters", "what was asked for, as a query"),
        ("Capacity-Made-At", "when it was made"),
    )
}


class Made(NamedTuple):
    """A table, and what is said beside it: what was asked for, and headers."""

    sheet: Sheet
    filters: dict[str, str]
    headers: dict[str, str]


class _File(NamedTuple):
    file: IO[bytes]
    headers: dict[str, str]


def exported(declared: Schema) -> Schema:
    """Return what is said of a route, which answers with files too."""
    answer = declared["responses"][200]
    answer["headers"] = answer["headers"] | _HEADERS
    content = answer["content"]
    for name in FORMATS:
        kind = {"type": "string"} if name == "csv" else {"type": "string", "format": "binary"}
        content[MEDIA_TYPES[name].partition(";")[0]] = {"schema": kind}
    return declared


def format_in(query: dict[str, str], *, paged: bool = True) -> Format | None:
    """Return which kind of file is asked for; None: JSON. Raises Invalid."""
    found = one_of(query, "format", ("json", *FORMATS), "json")
    if found == "json":
        return None
    for name in _PAGES:
        if paged and name in query:
            raise Invalid((f"/{name}", f"says nothing beside format={found}, which has all rows"))
    return cast(Format, found)


async def answer_file(
    asked: Asked,
    query: dict[str, str],
    make: Callable[[Connection], Made],
    *,
    name: str,
    format_: Format,
) -> Response:
    """Answer with a table as a file. Waits, and goes back, as every question does."""
    past = await go_to(asked, query)
    made_at = asked.service.clock().isoformat(timespec="seconds")

    def written(connection: Connection) -> _File:
        headers = stands(connection, role_capacity.name)
        position = headers["capacity-position"]
        made = make(connection)
        details = {"report": name, "position": int(position), "made_at": made_at, **made.filters}
        file = cast(IO[bytes], TemporaryFile())  # noqa: SIM115 - whoever sends it closes it
        try:
            _write(file, made.sheet, format_, details)
        except BaseException:
            file.close()
            raise
        return _File(
            file,
            headers
            | made.headers
            | {
                "capacity-filters": urlencode(made.filters),
                "capacity-made-at": made_at,
                "content-disposition": f'attachment; filename="{name}-{position}.{format_}"',
                "content-length": str(file.tell()),
            },
        )

    found = await (
        asked.service.export(written) if past is None else asked.service.export_past(past, written)
    )
    if past is None:
        await asked.service.check_not_ahead(int(found.headers["capacity-position"]))
    return StreamingResponse(
        _pieces(found.file), headers=found.headers, media_type=MEDIA_TYPES[format_]
    )


def _write(file: IO[bytes], sheet: Sheet, format_: Format, details: dict[str, Any]) -> None:
    if format_ == "csv":
        write_csv(file, sheet)
    else:
        write_xlsx(file, [sheet], details=list(details.items()))
        file.seek(0, 2)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            yield piece
