"""Reference pages made from the code: `python -m interfaces.reference` writes them to docs/."""

import inspect
from pathlib import Path
from typing import Any, get_type_hints

from pydantic_core import PydanticUndefined

from domain.aggregate import Event, Provenance
from domain.catalogue import AGGREGATES
from interfaces.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
_BOOKKEEPING = {"originator_id", "originator_version", "provenance", "previous_hash"}


def events_page() -> str:
    """Return the page that lists every event with its fields."""
    parts = [
        "# Events\n",
        "Everything that can stand in the ledger, by aggregate. Made from the code by "
        "`python -m interfaces.reference`.\n",
        "Every event also carries its provenance: "
        + ", ".join(f"`{name}`" for name in Provenance.__struct_fields__)
        + "; and `previous_hash`, the link to the event before it in its aggregate.\n",
    ]
    for aggregate_class in AGGREGATES:
        module = inspect.getmodule(aggregate_class)
        about = (inspect.getdoc(module) or "").splitlines()[0]
        parts.append(f"## {aggregate_class.__name__}\n\n{about}\n")
        parts.append("| topic | version | fields |\n|---|---|---|")
        parts += [_event_row(each) for each in aggregate_class.evolutions]
        parts.append("")
    return "\n".join(parts)


def _event_row(event_class: type[Event]) -> str:
    hints = get_type_hints(event_class)
    fields = ", ".join(
        f"`{name}` {_type_name(hints[name])}"
        for name in event_class.__struct_fields__
        if name not in _BOOKKEEPING
    )
    return f"| `{event_class.topic}` | {event_class.class_version} | {fields} |"


def _type_name(hint: Any) -> str:
    text = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
    for prefix in ("domain.suppliers.offers.", "domain.suppliers.bookings.", "typing."):
        text = text.replace(prefix, "")
    return text.replace("|", "or")


def settings_page() -> str:
    """Return the page that lists every setting with its default."""
    rows = [
        "# Settings\n",
        "Read from the environment; the command line's options go before them. Made from the "
        "code by `python -m interfaces.reference`.\n",
        "| setting | default | what it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is PydanticUndefined else field.default
        shown = f"`{default}`" if str(default) else "empty"
        rows.append(f"| `CAPACITY_{name.upper()}` | {shown} | {field.description or ''} |")
    return "\n".join(rows) + "\n"


PAGES = {"events.md": events_page, "settings.md": settings_page}


def write_pages() -> None:
    """Write every reference page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())


if __name__ == "__main__":
    write_pages()
