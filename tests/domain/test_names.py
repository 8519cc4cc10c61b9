"""A name survives every round trip, and a file name every file system."""

import json
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.identity import identity, identity_once
from domain.names import check_file_name, check_name, file_name_fault, name_fault, shown


@pytest.mark.parametrize(
    "name", ["All Energy Solar", " iSoalr", "Zonnekracht Noë", "太陽", "a/b", "."]
)
def test_takes_what_people_call_things(name: str) -> None:
    check_name("supplier", name)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (None, "found null, text is needed"),
        (True, "found true, text is needed"),
        (5, "found 5, text is needed"),
        ("", "found an empty text, a name is needed"),
        (" \u3000", "found an empty text, a name is needed"),
        ("x" * 201, "found 201 characters, at most 200 are allowed"),
        ("x" * 10_000, "found 10000 characters, at most 200 are allowed"),
        ("a\0", "found the character U+0000, which no name may hold"),
        ("a\nb", "found the character U+000A, which no name may hold"),
        ("a\x85b", "found the character U+0085, which no name may hold"),
        ("\ud800", "found the character U+D800, which no name may hold"),
    ],
)
def test_says_what_is_wrong_with_a_name(name: object, fault: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_name("supplier", name)
    assert caught.value.faults == (("/supplier", fault),)
    assert file_name_fault(name) == fault


@pytest.mark.parametrize("name", ["overlap_only", "Noë", "a b", "x" * 200, "a.json"])
def test_takes_what_can_name_a_file(name: str) -> None:
    check_file_name("scenario", name)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a/b", "found 'a/b', which may hold no slash and may not begin with a dot"),
        ("a\\b", "found 'a\\\\b', which may hold no slash and may not begin with a dot"),
        ("..", "found '..', which may hold no slash and may not begin with a dot"),
        (".x", "found '.x', which may hold no slash and may not begin with a dot"),
        ("é" * 101, "found 202 bytes, at most 200 are allowed"),
    ],
)
def test_says_why_a_name_cannot_name_a_file(name: str, fault: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_file_name("scenario", name)
    assert caught.value.faults == (("/scenario", fault),)


@given(st.text(max_size=210))
def test_every_name_survives_json_and_utf_8(name: str) -> None:
    if name_fault(name):
        return
    assert json.loads(json.dumps(name)) == name
    assert name.encode().decode() == name


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (False, "false"), (1, "1"), ("a", "'a'"), ("x" * 50, "'" + "x" * 39 + "...")],
)
def test_shows_a_value_in_short(value: object, text: str) -> None:
    assert shown(value) == text


def test_names_have_one_identity_and_other_names_another() -> None:
    assert identity("suppliers.scenario", "sbus", "a") == identity(
        "suppliers.scenario", "sbus", "a"
    )
    assert identity("suppliers.scenario", "sbus", "a") != identity(
        "suppliers.scenario", "sbusa", ""
    )
    assert identity("suppliers.offers", "sbus") != identity("suppliers.aliases", "sbus")


def test_the_identities_of_yesterday_are_those_of_today() -> None:
    """Stored events carry them: a change would part every aggregate from its history."""
    assert str(identity("suppliers.offers", "sbus")) == "7c53a6c8-d506-5f9d-b868-ab2971559d79"
    assert (
        str(identity("suppliers.capacity", "sbus", "overlap_only", "iSoalr"))
        == "7057afec-1105-5486-b853-57382ed136b5"
    )


def test_an_identity_is_a_version_5_uuid_of_its_names() -> None:
    namespace = UUID("c1a9b5c6-53b4-4c3e-9a53-0f0a6c6c1d0e")
    assert identity_once("kind", "a", "ü") == uuid5(namespace, "kind\0a\0ü")
