"""The OpenAPI document: `python -m interfaces.http.openapi` prints what docs/openapi.json holds."""

import json
import sys

from fastapi import FastAPI

from interfaces.http.app import create_app
from interfaces.settings import Settings


def text(app: FastAPI) -> str:
    """Return the document of an application as it is committed."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Print the document."""
    sys.stdout.write(text(create_app(Settings())))


if __name__ == "__main__":
    main()
