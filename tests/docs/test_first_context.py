"""The first page of the documentation is a program, and it does what it says."""

import asyncio
import os
import runpy
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST_CONTEXT = ROOT / "docs" / "first_context.py"


def test_the_first_page_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = runpy.run_path(str(FIRST_CONTEXT))

    assert asyncio.run(page["main"](tmp_path)) == {"D7": "Ada"}
    assert capsys.readouterr().out == "Grace: Desk D7 is Ada's on 2026-11-23\n"


@pytest.mark.parametrize(
    ("arguments", "first"),
    [(["-i", str(FIRST_CONTEXT)], ""), (["-"], "from first_context import *\n")],
    ids=["as the program", "by import"],
)
def test_topics_do_not_depend_on_what_was_started(
    tmp_path: Path, arguments: list[str], first: str
) -> None:
    """Elsewhere a topic is the path of the class, and `__main__` where its script was started."""
    subprocess.run(
        [sys.executable, *arguments],
        input=f"{first}asyncio.run(main(Path({str(tmp_path)!r})))\n",
        env=dict(os.environ) | {"PYTHONPATH": f"{ROOT}{os.pathsep}{FIRST_CONTEXT.parent}"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    with sqlite3.connect(tmp_path / "ledger.db") as ledger:
        topics = ledger.execute("SELECT topic FROM stored_events").fetchall()
    ledger.close()
    assert topics == [("desks.reserved",)]
