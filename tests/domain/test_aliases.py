"""Aliases are data of one line: none by default, replaced as a whole, never chained."""

import pytest

from domain.errors import Invalid
from domain.suppliers import SupplierAliases
from domain.suppliers.aliases import check_suppliers
from tests.support.given import Scenario, fact

ISOLAR = fact(SupplierAliases.Set, line="sbus", supplier_by_alias=(("iSolar", "iSoalr"),))


def test_a_line_has_none_until_someone_sets_them(aliases: Scenario[SupplierAliases]) -> None:
    assert aliases.aggregate.supplier("iSolar") == "iSolar"


def test_sets_aliases_in_order(aliases: Scenario[SupplierAliases]) -> None:
    now = aliases.when(lambda each: each.set("sbus", {"b": "B", "a": "B"})).then(
        fact(SupplierAliases.Set, line="sbus", supplier_by_alias=(("a", "B"), ("b", "B")))
    )
    assert [now.supplier(asked) for asked in ("a", "b", "B", "A")] == ["B", "B", "B", "A"]


def test_the_same_aliases_again_are_quiet(aliases: Scenario[SupplierAliases]) -> None:
    aliases.given(ISOLAR).when(lambda each: each.set("sbus", {"iSolar": "iSoalr"})).then_nothing()


def test_no_aliases_where_there_are_none_is_quiet(aliases: Scenario[SupplierAliases]) -> None:
    aliases.when(lambda each: each.set("sbus", {})).then_nothing()


def test_replaces_all_of_them(aliases: Scenario[SupplierAliases]) -> None:
    now = (
        aliases.given(ISOLAR)
        .when(lambda each: each.set("sbus", {}))
        .then(fact(SupplierAliases.Set, line="sbus", supplier_by_alias=()))
    )
    assert now.supplier("iSolar") == "iSolar"


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({"": "iSoalr"}, "/: found an empty text, a name is needed"),
        ({"iSolar": "a\0"}, "/iSolar: found the character U+0000, which no name may hold"),
        ({"iSoalr": "iSoalr"}, "/iSoalr: 'iSoalr' is itself an alias"),
        ({"a": "b", "b": "c"}, "/a: 'b' is itself an alias"),
        (
            {f"alias {number}": "iSoalr" for number in range(1_001)},
            ": found 1001, at most 1000 are allowed",
        ),
    ],
)
def test_refuses_what_can_be_no_alias(
    aliases: Scenario[SupplierAliases], pairs: dict[str, str], message: str
) -> None:
    aliases.given(ISOLAR).when(lambda each: each.set("sbus", pairs)).then_raises(Invalid, message)


def test_an_alias_stands_for_a_supplier_and_never_in_the_place_of_one() -> None:
    suppliers = {"ACME", "iSoalr"}
    check_suppliers({"iSolar": "iSoalr", "Acme Inc.": "ACME"}, suppliers)
    with pytest.raises(Invalid) as caught:
        check_suppliers({"ACME": "iSoalr", "Acme Inc.": "ACMY", "iSolar": "iSoalr"}, suppliers)
    assert caught.value.faults == (
        ("/ACME", "'ACME' is itself a supplier"),
        ("/Acme Inc.", "'ACMY' is no supplier of the newest offers"),
    )
