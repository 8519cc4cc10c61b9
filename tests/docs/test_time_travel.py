"""What the page on time travel shows is what the program says."""

import re
from pathlib import Path

from tests.support.programs import Program
from tests.support.shown import matches

PAGE = Path(__file__).parents[2] / "docs" / "time_travel.md"


def test_every_command_answers_as_shown(tmp_path: Path) -> None:
    program = Program(tmp_path)
    shown = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    ran = 0
    for part in re.split(r"^\$ ", "".join(shown), flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        if command.startswith("capacity "):
            said = program.ok(*_words(command)[1:])
            assert matches(output, said), said
            ran += 1
    assert ran == 7


def _words(command: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', command)]
