"""A workbook: which sheets it has, and where in the archive each of them lies."""

import posixpath
from collections.abc import Iterator
from typing import IO, NamedTuple

from domain.cells import Row, Table
from domain.errors import Invalid
from domain.names import shown
from interfaces.xlsx_reading.packages import Attributes, Elements, Package
from interfaces.xlsx_reading.pages import Page, SharedTexts
from interfaces.xlsx_reading.styles import Styles

MAX_SHEETS = 100


class _Related(NamedTuple):
    """What a part refers to: its parts by id, and by what they are."""

    by_id: dict[str, str]
    by_kind: dict[str, str]


def xlsx_tables(file: IO[bytes], *, limit_bytes: int, setting: str) -> Iterator[Table]:
    """Yield the sheets of a workbook, each to be read before the next. Raises Invalid."""
    package = Package(file, limit_bytes=limit_bytes, setting=setting)
    book = _related(package, "").by_kind.get("officeDocument", "")
    related = _related(package, book)
    names, from_1904 = _sheets(package, book)
    texts, styles = SharedTexts(), Styles()
    for parser, kind in ((texts, "sharedStrings"), (styles, "styles")):
        if kind in related.by_kind:
            for _ in package.walk(related.by_kind[kind], parser):
                pass
    for name, sheet_id in names:
        page = Page(name, texts.texts, styles.days, from_1904=from_1904)
        yield Table(name, _rows(package, related.by_id.get(sheet_id, ""), page), even=False)


def _rows(package: Package, part: str, page: Page) -> Iterator[Row]:
    for _ in package.walk(part, page):
        yield from page.taken()


def _sheets(package: Package, book: str) -> tuple[list[tuple[str, str]], bool]:
    """Return the names of the sheets with their ids, and whether days are counted from 1904."""
    found: list[tuple[str, str]] = []
    from_1904 = False

    def told(name: str, attributes: Attributes) -> None:
        nonlocal from_1904
        if name == "workbookPr":
            from_1904 = attributes.get("date1904", "") in ("1", "true")
        elif name == "sheet":
            ids = [value for key, value in attributes.items() if key.endswith(":id")]
            found.append((attributes.get("name", ""), ids[0] if ids else ""))

    for _ in package.walk(book, Elements(told)):
        if len(found) > MAX_SHEETS:
            raise Invalid(("", f"found more than {MAX_SHEETS} sheets, which is the limit"))
    _check_twice(found)
    return found, from_1904


def _check_twice(sheets: list[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for name, _ in sheets:
        if name in seen:
            raise Invalid(("", f"the sheet {shown(name)} stands twice"))
        seen.add(name)


def _related(package: Package, part: str) -> _Related:
    folder, name = posixpath.split(part)
    related = _Related({}, {})

    def told(tag: str, attributes: Attributes) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.join("/", folder, attributes.get("Target", ""))
            path = posixpath.normpath(target).lstrip("/")
            related.by_id[attributes.get("Id", "")] = path
            related.by_kind[attributes.get("Type", "").rpartition("/")[2]] = path

    for _ in package.walk(posixpath.join(folder, "_rels", f"{name}.rels"), Elements(told)):
        pass
    return related
