"""What was asked: one request's path, query, headers and body, each read once and checked."""

from typing import Any, cast
from urllib.parse import parse_qsl, quote
from uuid import UUID

from starlette.requests import Request

from domain.errors import Invalid
from domain.names import check_file_name, name_fault, shown
from domain.suppliers.offers import MAX_CAPACITY_SLOTS, parse_json
from interfaces.callers import LOCAL, Caller
from interfaces.http.errors import RequestRefused
from interfaces.service import Service

MAX_POSITION = MAX_CAPACITY_SLOTS
MAX_ITEMS = 1_000
MAX_QUERY_FIELDS = 20
_NUMBER_NEEDED = "found %s, a whole number from %d to %d is needed"

# Where the door leaves what it made of the request.
REQUEST_ID = "capacity.request_id"
CALLER = "capacity.caller"
# Stands for a slash that was sent percent-encoded inside one segment of a path. A NUL cannot be
# sent itself: the door refuses it.
ENCODED_SLASH = "\0"

_HEADERS = frozenset(
    (
        b"capacity-actor",
        b"capacity-reason",
        b"capacity-on-behalf-of",
        b"capacity-correlation-id",
        b"x-correlation-id",
        b"capacity-causation-id",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"prefer",
        b"content-type",
        b"last-event-id",
    )
)


class Asked(Request):
    """One request. Every method raises Invalid naming the field and what is allowed."""

    @property
    def service(self) -> Service:
        """The service that the application opened."""
        return cast(Service, self.scope["app"].state.service)

    @property
    def request_id(self) -> UUID:
        """The id under which the answer, the log and the events of this request are found."""
        return cast(UUID, self.scope[REQUEST_ID])

    @property
    def caller(self) -> Caller:
        """Who asks, and what they may do."""
        return cast(Caller, self.scope.get(CALLER, LOCAL))

    @property
    def path(self) -> str:
        """The path as it was sent, percent-encoded."""
        raw: bytes = self.scope["raw_path"]
        return raw.decode("latin-1")

    # Path and query.

    def segment(self, field: str) -> str:
        """Return a name from the path; it may hold any character that a name may hold."""
        text: str = self.scope["path_params"][field]
        if ENCODED_SLASH in text:
            text = text.replace(ENCODED_SLASH, "/")
        if fault := name_fault(text):
            raise Invalid((f"/{field}", fault))
        return text

    def rest(self, field: str) -> str:
        """Return the rest of a path, in which slashes may stand as they are."""
        text: str = self.scope["path_params"][field]
        return text.replace(ENCODED_SLASH, "/")

    def segments(self, field: str) -> list[str]:
        """Return the names of a path's rest; an encoded slash belongs to its name."""
        rest: str = self.scope["path_params"][field]
        found = [each.replace(ENCODED_SLASH, "/") for each in rest.split("/")]
        for text in found:
            if fault := name_fault(text):
                raise Invalid((f"/{field}", fault))
        return found

    def file_segment(self, field: str) -> str:
        """Return a name from the path that may also name a file."""
        text = self.segment(field)
        check_file_name(field, text)
        return text

    def query(self, *allowed: str) -> dict[str, str]:
        """Return the query's fields, each said once; what nobody knows is refused."""
        raw: bytes = self.scope["query_string"]
        if not raw:
            return {}
        try:
            pairs = parse_qsl(
                raw.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_QUERY_FIELDS,
            )
        except UnicodeDecodeError:
            raise Invalid(("/query", "the query is not UTF-8, percent-encoded")) from None
        except ValueError:
            detail = f"more than {MAX_QUERY_FIELDS} fields in the query"
            raise Invalid(("/query", detail)) from None
        found: dict[str, str] = {}
        faults = []
        for name, text in pairs:
            if name not in allowed:
                known = ", ".join(allowed) or "none"
                faults.append(("/query", f"found {shown(name)}, known here: {known}"))
            elif name in found:
                faults.append((f"/{name}", "stands twice in the query"))
            found[name] = text
        if faults:
            raise Invalid(*faults)
        return found

    # Headers.

    def header_texts(self) -> dict[bytes, str]:
        """Return the headers that mean something here, as UTF-8 text."""
        found: dict[bytes, str] = {}
        for name, value in self.scope["headers"]:
            if name in _HEADERS:
                if name in found:
                    raise Invalid((f"/{name.decode()}", "the header stands twice"))
                try:
                    found[name] = value.decode()
                except UnicodeDecodeError:
                    raise Invalid((f"/{name.decode()}", "the header is not UTF-8")) from None
        return found

    # Bodies.

    async def json(self) -> Any:
        """Return what the JSON body says; keys may not stand twice in it."""
        return parse_json(await self.json_bytes())

    async def json_bytes(self, *others: str) -> bytes:
        """Return the body as it was sent, if it says that it is JSON; `others` would do too."""
        body = await self.body()
        self._check_json(self.headers.get("content-type", ""), others)
        return body

    async def json_fields(self, *allowed: str) -> dict[str, Any]:
        """Return the fields of an object that may be left out; none other are taken."""
        if not await self.body():
            return {}
        return fields_of(await self.json(), *allowed)

    def _check_json(self, content_type: str, others: tuple[str, ...]) -> None:
        media_type, _, parameters = content_type.partition(";")
        media_type = media_type.strip().lower()
        json_like = media_type == "application/json" or (
            media_type.startswith("application/") and media_type.endswith("+json")
        )
        if not json_like:
            needed = " or ".join(("application/json", *others))
            detail = f"found {shown(media_type)}, {needed} is needed"
            raise RequestRefused(415, "unsupported-media-type", detail)
        name, _, charset = parameters.strip().lower().partition("=")
        if name == "charset" and charset.strip('"') not in ("utf-8", "utf8"):
            detail = f"found the charset {shown(charset)}, utf-8 is needed"
            raise RequestRefused(415, "unsupported-media-type", detail)


def fields_of(record: Any, *allowed: str) -> dict[str, Any]:
    """Return a JSON object with no other fields than these. Raises Invalid naming the others."""
    if not isinstance(record, dict):
        raise Invalid(("", f"found {shown(record)}, an object is needed"))
    if faults := unknown_fields(record, allowed):
        raise Invalid(*faults)
    return record


def unknown_fields(record: dict[str, Any], allowed: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return a fault for each field that nobody knows."""
    return [
        (f"/{_pointed(name)}", f"unknown; known here: {', '.join(allowed)}")
        for name in record
        if name not in allowed
    ]


def optional_text(fields: dict[str, Any], name: str) -> str:
    """Return a text that may be left out, null or empty."""
    value = fields.get(name)
    if value is None or value == "":
        return ""
    if fault := name_fault(value):
        raise Invalid((f"/{name}", fault))
    return cast(str, value)


def whole_number(name: str, text: str, *, least: int, most: int) -> int:
    """Return a whole number from a query."""
    if text.isascii() and text.isdecimal() and len(text) <= len(str(most)):
        number = int(text)
        if least <= number <= most:
            return number
    raise Invalid((f"/{name}", _NUMBER_NEEDED % (shown(text), least, most)))


def flag(name: str, text: str) -> bool:
    """Return a yes or no from a query."""
    if text not in ("true", "false"):
        raise Invalid((f"/{name}", f"found {shown(text)}, true or false is needed"))
    return text == "true"


def checked_name(name: str, text: str) -> str:
    """Return a text from a query that must be a name."""
    if fault := name_fault(text):
        raise Invalid((f"/{name}", fault))
    return text


def link(*segments: str) -> str:
    """Return a path below /v1 made of segments that may hold any character."""
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def _pointed(name: str) -> str:
    """Return a key as it stands in a JSON pointer, cut short."""
    return name[:40].replace("~", "~0").replace("/", "~1")
