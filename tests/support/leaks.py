"""No secret ever stands in a log: whatever a test or a program it started has said is searched.

The hook at the end is taken by tests/conftest.py, so it is there for the whole run.
"""

import os
import re
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.access.secrets import SECRET_PATTERN

_URL_WITH_PASSWORD = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://[^\s:/@]*:(?!\*\*\*@)[^\s@/]+@")
# Passwords that tests give to databases; they are looked for wherever they stand.
PASSWORD = "geheim-hunter2"


class Leaked(AssertionError):
    """A log holds what must never stand in one."""


def leaks(text: str) -> list[str]:
    """Return the secrets in a text, each cut down so that it is not told once more."""
    found = [*SECRET_PATTERN.findall(text), *_URL_WITH_PASSWORD.findall(text)]
    passwords = {PASSWORD, urlsplit(os.environ.get("CAPACITY_TEST_DATABASE_URL", "")).password}
    found += [each for each in passwords if each and each in text]
    return [f"{each[:6]}..." for each in found]


def check_no_leak(text: str, where: str) -> None:
    """Raise Leaked if a text holds a secret."""
    if found := leaks(text):
        raise Leaked(f"{where} holds {', '.join(found)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    """Fail a test whose output, structlog's and logging's with it, holds a secret."""
    report = yield
    for title, text in report.sections:
        if found := leaks(text):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: {title} holds {', '.join(found)}"
    return report
