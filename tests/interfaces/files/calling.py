"""The drop-in functions, as these tests call them on a desk."""

import asyncio
import json
from typing import Any

import pytest

from interfaces.files.capacity_tracker import initialize_capacity_file, update_supplier_capacity
from tests.interfaces.files.conftest import Desk

ACME = {"supplier_id": "ACME"}


def indented(document: object) -> bytes:
    return json.dumps(document, indent=2).encode()


def initialize(desk: Desk) -> Any:
    return asyncio.run(initialize_capacity_file(desk.offers, desk.capacity))


def update(desk: Desk, match: object) -> str:
    return asyncio.run(update_supplier_capacity(match, str(desk.offers), str(desk.capacity)))


def refused(desk: Desk, match: object) -> str:
    """Return the whole message of a refused update."""
    with pytest.raises(ValueError) as caught:
        update(desk, match)
    return str(caught.value)
