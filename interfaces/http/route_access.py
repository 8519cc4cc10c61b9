"""What an operation says of keys in the OpenAPI document, which is also what its route goes by."""

from collections.abc import Iterable
from typing import Any

from interfaces.http.admission import ScopeName
from interfaces.http.rate_limits import RateClass

Schema = dict[str, Any]

_KEY = "key"
_RATE_CLASS = "x-rate-class"
KEY_SCHEMES: Schema = {
    _KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key made by `capacity keys create`. Nobody needs one before the first is "
        "made; an operation names the scope that the key must have",
    }
}


def declared_access(scope: ScopeName | None, rate_class: RateClass) -> Schema:
    """Return what an operation says: no key is needed where there are none, or without `scope`."""
    if scope is None:
        return {"security": []}
    return {"security": [{_KEY: [scope]}, {}], _RATE_CLASS: rate_class}


def access_of(extra: Schema, methods: Iterable[str]) -> tuple[ScopeName, RateClass]:
    """Return the scope and the rate class of a route; of one that says nothing, by its methods."""
    looks = set(methods) <= {"GET", "HEAD"}
    scopes = [each[_KEY][0] for each in extra.get("security", ()) if _KEY in each]
    default: ScopeName = "read" if looks else "write"
    return scopes[0] if scopes else default, extra.get(_RATE_CLASS, default)
