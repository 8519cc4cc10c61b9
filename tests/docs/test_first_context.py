"""The first page of the documentation is a program, and it does what it says."""

import asyncio
import runpy
from pathlib import Path

import pytest

FIRST_CONTEXT = Path(__file__).parents[2] / "docs" / "first_context.py"


def test_the_first_page_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = runpy.run_path(str(FIRST_CONTEXT))

    assert asyncio.run(page["main"](tmp_path)) == {"D7": "Ada"}
    assert capsys.readouterr().out == "Grace: Desk D7 is Ada's on 2026-11-23\n"
