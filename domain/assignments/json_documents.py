"""Planning documents as JSON: one object with lists, taken apart record by record.

Only the text is held whole, and what one record says.
"""

import json
import re
from collections.abc import Generator, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from domain.assignments.documents import Given
from domain.assignments.fields import unknown
from domain.assignments.records import LISTS, Values
from domain.errors import Invalid
from domain.json_faults import json_faults_named
from domain.names import shown

_SPACE = re.compile(r"[ \t\n\r]*")


def _unique(pairs: list[tuple[str, Any]]) -> Values:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        _refuse_twice(next(key for key in names if names.count(key) > 1))
    return found


def _refuse_twice(key: str) -> None:
    raise Invalid(("", f"the key {shown(key)} stands twice in one object"))


# Fractions as they are written, of which a plan has few different ones; NaN is left for its field
# to refuse.
_DECODER = json.JSONDecoder(
    parse_float=lru_cache(maxsize=4_096)(Decimal),
    parse_constant=float,
    object_pairs_hook=_unique,
)


def parse_planning_json(document: bytes) -> Any:
    """Return what JSON says. Raises Invalid for what is none, and for a key that stands twice."""
    with json_faults_named():
        return _DECODER.decode(_text(document))


def json_records(document: bytes) -> Iterator[Given]:
    """Yield the records of a planning document. Raises Invalid for what is no JSON object."""
    with json_faults_named():
        text = _text(document)
        if text[_space(text, 0) :][:1] != "{":
            found = shown(_DECODER.decode(text))
            raise Invalid(("", f"found {found}, an object with lists is needed"))
        yield from _lists(text, _space(text, 0) + 1)


def _text(document: bytes) -> str:
    return document.decode(json.detect_encoding(document), "surrogatepass")


def _lists(text: str, at: int) -> Iterator[Given]:
    """Yield the records of an object's lists, from behind its brace to the end of the text."""
    seen: set[str] = set()
    at = _space(text, at)
    while not (text.startswith("}", at) and not seen):
        if not text.startswith('"', at):
            raise json.JSONDecodeError("Expecting property name in double quotes", text, at)
        key, at = _DECODER.raw_decode(text, at)
        if key in seen:
            _refuse_twice(key)
        seen.add(key)
        at = _space(text, _behind(":", text, _space(text, at)))
        if key in LISTS and text.startswith("[", at):
            at = yield from _records(key, text, at + 1)
        else:
            value, at = _DECODER.raw_decode(text, at)
            yield _misplaced(key, value)
        at = _space(text, at)
        if text.startswith("}", at):
            break
        at = _space(text, _behind(",", text, at))
    if (end := _space(text, at + 1)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _records(key: str, text: str, at: int) -> Generator[Given, None, int]:
    """Yield the records of a list, from behind its bracket; return where it ends."""
    at = _space(text, at)
    if text.startswith("]", at):
        return at + 1
    index = 0
    while True:
        record, at = _DECODER.raw_decode(text, at)
        yield Given(key, f"/{key}/{index}", record)
        at = _space(text, at)
        if text.startswith("]", at):
            return at + 1
        at = _space(text, _behind(",", text, at))
        index += 1


def _misplaced(key: str, value: Any) -> Given:
    if key in LISTS:
        fault = (f"/{key}", f"found {shown(value)}, a list is needed")
        return Given(key, f"/{key}", faults=[fault])
    return Given(key, "", faults=unknown({key: value}, LISTS))


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None, "no space at all matches too"
    return found.end()


def _behind(mark: str, text: str, at: int) -> int:
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return at + 1
