"""A name stands in the ledger as a cipher; once its key is deleted, nobody can read it again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import event

from application.assignments import KEY_BYTES, person_keys
from application.assignments.names import PersonNames, opened, sealed
from domain.assignments import Person, PersonFacts, PersonNotFound
from tests.support.asynchronous import asynchronous
from tests.support.ledgers import command, everything, query
from tests.support.planning import person_keys as keys_at
from tests.support.planning import planning

ADA = "Ada Lovelace"
KEY, OTHER_KEY = bytes(range(KEY_BYTES)), bytes(range(1, KEY_BYTES + 1))
FACTS = PersonFacts(person_id=17, name_cipher=b"")


# Sealing.


def test_a_sealed_name_is_opened_by_its_key_alone() -> None:
    cipher = sealed(ADA, person_id=17, key=KEY)
    assert ADA.encode() not in cipher
    assert opened(cipher, person_id=17, key=KEY) == ADA
    assert opened(cipher, person_id=17, key=None) == "Person 17 (forgotten)"
    assert opened(cipher, person_id=17, key=OTHER_KEY) == "Person 17 (forgotten)"


def test_the_same_name_has_the_same_cipher_and_another_has_another() -> None:
    assert sealed(ADA, person_id=17, key=KEY) == sealed(ADA, person_id=17, key=KEY)
    assert sealed("Ada", person_id=17, key=KEY) != sealed(ADA, person_id=17, key=KEY)


def test_a_cipher_of_somebody_else_or_changed_is_an_error_and_no_name() -> None:
    cipher = sealed(ADA, person_id=17, key=KEY)
    with pytest.raises(InvalidTag):
        opened(cipher, person_id=18, key=KEY)
    with pytest.raises(InvalidTag):
        opened(cipher[:-1] + bytes([cipher[-1] ^ 1]), person_id=17, key=KEY)


# Keys.


def test_a_key_is_made_once_and_the_first_one_counts(store_url: str) -> None:
    keys, others = keys_at(store_url), keys_at(store_url)
    made = keys.made([17, 18])
    assert others.made([18, 17, 19]) | made == others.kept([17, 18, 19])
    assert keys._keep({17: OTHER_KEY}) == {17: made[17]}
    assert len({*made.values()}) == 2


def test_keys_that_are_not_kept_are_not_there(store_url: str) -> None:
    keys = keys_at(store_url)
    assert len(keys.made([17], keep=False)[17]) == KEY_BYTES
    assert keys.kept([17]) == {}


def test_the_keys_of_many_are_one_question(store_url: str) -> None:
    keys, statements = keys_at(store_url), []
    keys.made(range(1, 2_001))
    event.listen(keys._engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    assert len(keys.kept(range(1, 3_001))) == 2_000
    assert len(statements) == 1


# Forgetting.


@asynchronous
async def test_a_forgotten_name_reads_as_forgotten(store_url: str) -> None:
    async with planning(store_url) as planned:
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        cipher = (await planned.newest(Person, 17)).name_cipher
        outcome = await planned.forget_person(command(), person_id=17)
        assert outcome.result.changed
        assert planned.names.open({17: cipher}) == {17: "Person 17 (forgotten)"}
        again = await planned.forget_person(command(), person_id=17)
        assert (again.result.changed, again.events) == (False, ())


@asynchronous
async def test_who_is_named_again_has_a_new_key_and_the_old_name_stays_forgotten(
    store_url: str,
) -> None:
    async with planning(store_url) as planned:
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        old = (await planned.newest(Person, 17)).name_cipher
        await planned.forget_person(command(), person_id=17)
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        new = (await planned.newest(Person, 17)).name_cipher
        assert planned.names.open({17: new}) == {17: ADA}
        assert planned.names.open({17: old}) == {17: "Person 17 (forgotten)"}


@asynchronous
async def test_a_dry_run_forgets_nothing(store_url: str) -> None:
    async with planning(store_url) as planned:
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        await planned.forget_person(command(dry_run=True), person_id=17)
        cipher = (await planned.newest(Person, 17)).name_cipher
        assert planned.names.open({17: cipher}) == {17: ADA}


@asynchronous
async def test_nobody_cannot_be_forgotten(store_url: str) -> None:
    async with planning(store_url) as planned:
        with pytest.raises(PersonNotFound, match="Person 17 is not known"):
            await planned.forget_person(command(), person_id=17)


@asynchronous
async def test_the_same_name_again_is_no_event(store_url: str) -> None:
    async with planning(store_url) as planned:
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        again = await planned.declare_person(command(), facts=FACTS, name=ADA)
        assert (again.result.changed, again.events) == (False, ())
        renamed = await planned.declare_person(command(), facts=FACTS, name="Ada King")
        assert [type(each) for each in renamed.events] == [Person.Renamed]


# The bytes of the database.


@pytest.fixture
def file(tmp_path: Path, migrated_file: Path) -> Iterator[Path]:
    """The ledger's file, which is this test's own."""
    file = tmp_path / "capacity.db"
    file.write_bytes(migrated_file.read_bytes())
    yield file


def bytes_of(file: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(file.parent.glob("capacity.db*")))


async def named_and_forgotten(file: Path) -> tuple[bytes, bytes]:
    """Return the key there was, and all the bytes while everything is still open."""
    async with planning(f"sqlite:///{file}") as planned:
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        key = keys_at(f"sqlite:///{file}").kept([17])[17]
        assert key in bytes_of(file)
        await planned.forget_person(command(), person_id=17)
        return key, bytes_of(file)


@asynchronous
async def test_after_forgetting_neither_name_nor_key_is_in_the_files(file: Path) -> None:
    key, stored = await named_and_forgotten(file)
    assert b"assignments.person_forgotten" in stored
    assert ADA.encode() not in stored
    assert key not in stored
    assert key not in bytes_of(file)


@asynchronous
async def test_without_wiping_the_key_would_be_found(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard of the test above: deleting a row alone leaves its bytes."""
    monkeypatch.setattr(person_keys, "_wipe", lambda engine: None)
    key, stored = await named_and_forgotten(file)
    assert key in stored


def test_a_key_that_somebody_still_reads_is_said_to_be_there(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_keys, "_WAIT_SECONDS", 0)
    keys = keys_at(f"sqlite:///{file}")
    key = keys.made([17])[17]
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM person_keys").fetchall()
        with pytest.raises(person_keys.StillInTheLog):
            keys.forget(17)
        assert key in bytes_of(file)
    keys.forget(17)
    assert key not in bytes_of(file)


@asynchronous
async def test_on_postgresql_the_keys_table_is_written_anew(postgres_url: str) -> None:
    from tests.support.ledgers import migrated

    async with planning(migrated(postgres_url)) as planned:
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        where = "SELECT pg_relation_filenode('person_keys')"
        before = query(postgres_url, where)
        await planned.forget_person(command(), person_id=17)
        assert query(postgres_url, where) != before
        assert query(postgres_url, "SELECT count(*) FROM person_keys") == [(0,)]


@asynchronous
async def test_no_event_holds_a_name(store_url: str) -> None:
    async with planning(store_url) as planned:
        await planned.declare_person(command(), facts=FACTS, name=ADA)
        rows = await everything(planned.ledger)
        assert all(b"Lovelace" not in row.state for row in rows)


def test_a_reader_of_many_names_asks_once(store_url: str) -> None:
    names = PersonNames(keys_at(store_url))
    keys = names._keys.made([17, 18])
    ciphers = {each: sealed(f"P{each}", person_id=each, key=keys[each]) for each in keys}
    names._keys.forget(18)
    assert names.open(ciphers) == {17: "P17", 18: "Person 18 (forgotten)"}


def test_a_backup_of_before_still_holds_the_key(file: Path, tmp_path: Path) -> None:
    """What docs/planning_documents.md warns of."""
    keys = keys_at(f"sqlite:///{file}")
    made: Any = keys.made([17])
    copy = tmp_path / "backup.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    keys.forget(17)
    assert keys_at(f"sqlite:///{copy}").kept([17]) == made
