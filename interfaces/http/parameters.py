"""Parameters of routes, as the OpenAPI document shows them: of paths, of queries, and headers."""

from typing import Any

from domain.assignments.fields import MAX_ID
from interfaces.http.asked import MAX_POSITION

Schema = dict[str, Any]

_EXAMPLES = {
    "line": "sbus",
    "scenario": "overlap_only",
    "supplier": "iSoalr",
    "registration_id": "SPUS63956",
    "context": "suppliers",
    "id": "sbus/overlap_only/iSoalr",
    "code": "capacity-exceeded",
    "projection": "supplier_capacity",
    "key": "matches/line=sbus/registration_id=SPUS63956",
    "rebuild_id": "01890a5d-ac96-774b-bcce-b302099a8057",
}
_NUMBERS = {  # ids that are numbers, each with an example
    "vertical_id": 1,
    "department_id": 11,
    "role_id": 4,
    "person_id": 17,
    "project_id": 205,
    "project_role_id": 8,
    "template_id": 6,
    "assignment_id": 1001,
}


def path_parameters(path: str) -> list[Schema]:
    """Return the parameters that stand in a path."""
    names = [each.strip("{}").partition(":")[0] for each in path.split("/") if each[:1] == "{"]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": whole_number(1, MAX_ID)
            if name in _NUMBERS
            else {"type": "string", "minLength": 1, "maxLength": 200},
            "example": _NUMBERS.get(name) or _EXAMPLES[name],
        }
        for name in names
    ]


def query_number(name: str, least: int, most: int, meaning: str) -> Schema:
    """Return a query parameter that is a whole number."""
    return query_parameter(name, whole_number(least, most), meaning)


def query_text(name: str, meaning: str, *, max_length: int = 200, required: bool = False) -> Schema:
    """Return a query parameter that is text."""
    schema = {"type": "string", "minLength": 1, "maxLength": max_length}
    return query_parameter(name, schema, meaning, required=required)


def query_moment(name: str, meaning: str, *, required: bool = False) -> Schema:
    """Return a query parameter that is a position, or a time with its zone."""
    schema = {"type": "string", "maxLength": 40}
    return query_parameter(name, schema, meaning, required=required)


def query_flag(name: str, meaning: str) -> Schema:
    """Return a query parameter that is true or false."""
    return query_parameter(name, {"type": "boolean"}, meaning)


def header_number(name: str, meaning: str) -> Schema:
    """Return a header that is a position."""
    return header(name, meaning) | {"schema": whole_number(0, MAX_POSITION)}


def query_parameter(name: str, schema: Schema, meaning: str, *, required: bool = False) -> Schema:
    """Return a query parameter."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema,
        "description": meaning,
    }


def header(name: str, meaning: str, *, max_length: int = 0, form: str = "") -> Schema:
    """Return a request header that may be left out."""
    schema: Schema = {"type": "string"}
    if max_length:
        schema |= {"minLength": 1, "maxLength": max_length}
    if form:
        schema["format"] = form
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": schema,
        "description": meaning,
    }


def whole_number(least: int, most: int) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def text_header(meaning: str) -> Schema:
    """Return a header of an answer."""
    return {"description": meaning, "schema": {"type": "string"}}
