"""How a page is written: a template of the package, in which nothing is undefined or unescaped."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from interfaces.pages.assets import asset_url
from interfaces.pages.figures import amount, hours, percent, whole


class Place(Struct, frozen=True):
    """An entry of the navigation."""

    path: str
    name: str


# A context that gets a page is added here.
NAVIGATION: Sequence[Place] = (
    Place("/", "Overview"),
    Place("/reports/role-capacity", "Role capacity"),
    Place("/suppliers", "Suppliers"),
    Place("/ledger", "Ledger"),
)


class Shell(Struct, frozen=True):
    """What every page shows: where one is, and as whom. Nobody signs in where there are no keys."""

    path: str
    caller: str
    signed_in: bool = False

    @property
    def navigation(self) -> list[tuple[Place, bool]]:
        """The entries, each with whether one is there."""
        return [
            (each, self.path == each.path or (each.path != "/" and self.path.startswith(each.path)))
            for each in NAVIGATION
        ]


def page(template: str, shell: Shell, **content: Any) -> bytes:
    """Return a page as it is sent."""
    found = _environment().get_template(f"{template}.html")
    return found.render(shell=shell, **content).encode()


def json_in_page(value: Any) -> Markup:
    """Return JSON that can stand in a script element: no text in it ends the element."""
    text = msgspec.json.encode(value).decode()
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - what could end the element is escaped


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("interfaces.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["asset_url"] = asset_url
    made.filters |= {
        "json_in_page": json_in_page,
        "amount": amount,
        "hours": hours,
        "percent": percent,
        "whole": whole,
    }
    return made
