"""The real `capacity` program, run as people run it: in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.leaks import check_no_leak

PROGRAM = (sys.executable, "-c", "from interfaces.cli import main; main()")
TIMEOUT_SECONDS = 60  # a test that hangs ends at last; nothing is measured by it


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    @property
    def problem(self) -> Any:
        """The one JSON document on stderr."""
        return json.loads(self.stderr)


class Program:
    """`capacity` in one folder, with one ledger."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        kept = {name: text for name, text in os.environ.items() if not _is_ours(name)}
        self.environment = kept | {"PYTHONPATH": str(Path.cwd()), "NO_COLOR": "1"}
        if database_url:
            self.environment["CAPACITY_DATABASE_URL"] = database_url

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """Run one command to its end."""
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        check_no_leak(done.stderr.decode(), f"stderr of {arguments}")
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *arguments: str) -> str:
        """Run one command that must succeed, and return its answer."""
        ended = self(*arguments)
        assert ended.exit_code == 0, ended
        return ended.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command beside the test, and end it."""
        with subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Whoever runs the tests in the background has it ignored, and children inherit that.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                if process.stderr is not None and not process.stderr.closed:
                    check_no_leak(process.stderr.read().decode(), f"stderr of {arguments}")


def _is_ours(name: str) -> bool:
    return name.startswith("CAPACITY_") and name != "CAPACITY_TEST_DATABASE_URL"
