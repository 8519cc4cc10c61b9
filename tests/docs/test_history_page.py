"""What the page about history shows is what the program says."""

import shlex
from pathlib import Path

from tests.support.programs import Program
from tests.support.shown import examples, matches

PAGE = Path(__file__).parents[2] / "docs" / "history.md"


def test_the_page_shows_what_the_program_says(tmp_path: Path) -> None:
    program = Program(tmp_path)
    shown = list(examples(PAGE))
    assert len(shown) >= 5
    for command, output in shown:
        ended = program(*shlex.split(command)[1:])
        assert matches(output, ended.stdout + ended.stderr), f"{command}\n{ended}"
