"""What the addresses of the pages of suppliers say: which rows, in which order, as known when."""

from collections.abc import Iterable
from typing import Literal, cast, get_args

from msgspec import Struct
from msgspec.structs import asdict

from interfaces.pages.page_query import (
    Order,
    address_of,
    filter_in,
    number_in,
    one_of,
    order_in,
    said_fields,
)

SortName = Literal["supplier", "capacity", "used", "room", "percent"]


class ScenariosQuery(Struct, frozen=True):
    """Which page of all scenarios, as known at the end of which day."""

    page: int = 1
    as_of: str = ""

    def address(self, path: str) -> str:
        """Return the address that says this, in one way only."""
        return address_of(path, asdict(self), asdict(ScenariosQuery()))


class ScenarioQuery(Struct, frozen=True):
    """Which suppliers of a scenario: those whose name holds `name`, the fullest first.

    `matches` is the position before which matches are listed; None: the newest.
    """

    name: str = ""
    sort: SortName = "percent"
    order: Order = "desc"
    page: int = 1
    matches: int | None = None
    as_of: str = ""

    def address(self, path: str) -> str:
        """Return the address that says this, in one way only."""
        return address_of(path, asdict(self), asdict(ScenarioQuery()))


class HistoryQuery(Struct, frozen=True):
    """From which event on a history is told, newest first, as known when."""

    cursor: str = ""
    as_of: str = ""

    def address(self, path: str) -> str:
        """Return the address that says this, in one way only."""
        return address_of(path, asdict(self), asdict(HistoryQuery()))


def read_scenarios_query(pairs: Iterable[tuple[str, str]]) -> ScenariosQuery:
    """Return what an address says. Raises Invalid."""
    said = said_fields(pairs, ScenariosQuery.__struct_fields__)
    return ScenariosQuery(number_in(said, "page") or 1, said.get("as_of", ""))


def read_scenario_query(pairs: Iterable[tuple[str, str]]) -> ScenarioQuery:
    """Return what an address says. Raises Invalid."""
    said = said_fields(pairs, ScenarioQuery.__struct_fields__)
    sort = cast(SortName, one_of(said, "sort", get_args(SortName), "percent"))
    return ScenarioQuery(
        name=filter_in(said, "name"),
        sort=sort,
        order=order_in(said, "desc"),
        page=number_in(said, "page") or 1,
        matches=number_in(said, "matches"),
        as_of=said.get("as_of", ""),
    )


def read_history_query(pairs: Iterable[tuple[str, str]]) -> HistoryQuery:
    """Return what an address says. Raises Invalid."""
    said = said_fields(pairs, HistoryQuery.__struct_fields__)
    return HistoryQuery(said.get("cursor", ""), said.get("as_of", ""))
