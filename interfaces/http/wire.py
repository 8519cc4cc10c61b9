"""How answers are written: msgspec structs are the one statement of a shape, and its schema."""

from typing import Any

from msgspec import json
from starlette.responses import Response

_encoder = json.Encoder()

JSON_TYPE = "application/json"

encode = _encoder.encode


def json_response(
    body: bytes,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    media_type: str = JSON_TYPE,
) -> Response:
    """Return ready bytes as a response."""
    return Response(body, status_code=status, headers=headers, media_type=media_type)


def decode_object(body: bytes) -> dict[str, Any]:
    """Read back an object that was written here."""
    return json.decode(body, type=dict[str, Any])
