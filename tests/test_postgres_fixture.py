"""Tests stand on a real PostgreSQL, and on databases that know nothing of each other."""

import socket

import psycopg
import pytest

from tests.support.postgres import PostgresServer

_WHICH = "SELECT oid FROM pg_database WHERE datname = current_database()"


def test_the_server_answers(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 6 * 7").fetchone() == (42,)


def test_two_databases_are_separate(postgres_server: PostgresServer, postgres_url: str) -> None:
    other_url = postgres_server.create_database()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE here (answer integer)")
    with psycopg.connect(other_url) as connection:
        assert connection.execute("SELECT to_regclass('here')").fetchone() == (None,)
    postgres_server.drop_database(other_url)


def test_a_database_is_dropped_with_its_connections(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    with psycopg.connect(url):
        postgres_server.drop_database(url)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)


def test_a_database_is_lent_again_as_new(postgres_server: PostgresServer) -> None:
    with postgres_server.lent_database() as url:
        left = psycopg.connect(url, autocommit=True)
        left.execute("CREATE TABLE here (answer integer)")
        lent = left.execute(_WHICH).fetchone()
    with postgres_server.lent_database() as again, psycopg.connect(again) as connection:
        assert again != url, "who remembers what was made at a URL must not find it again"
        assert connection.execute(_WHICH).fetchone() == lent
        assert connection.execute("SELECT to_regclass('here')").fetchone() == (None,)
        with left, pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")


@pytest.mark.parametrize(
    "statement",
    ["CREATE SCHEMA beside", "ALTER DATABASE {} SET default_transaction_read_only = on"],
)
def test_a_database_that_cannot_be_emptied_is_not_lent_again(
    postgres_server: PostgresServer, statement: str
) -> None:
    with (
        postgres_server.lent_database() as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        lent = connection.execute(_WHICH).fetchone()
        connection.execute(statement.format(connection.info.dbname).encode())
    with postgres_server.lent_database() as another, psycopg.connect(another) as connection:
        assert connection.execute(_WHICH).fetchone() != lent


@pytest.mark.parametrize("host", ["192.0.2.1", "ledger.example"])
def test_no_test_reaches_beyond_this_machine(host: str) -> None:
    with pytest.raises(RuntimeError, match=f"{host} is not this machine"):
        socket.create_connection((host, 80), timeout=1)
