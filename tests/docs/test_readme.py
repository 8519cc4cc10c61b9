"""What the README shows is what the programs say."""

import shlex
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.support.programs import Program
from tests.support.servers import running, settings_in
from tests.support.shown import examples, matches

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:8000"


def _curl(address: str, command: str) -> str:
    words = shlex.split(command)
    url = next(word for word in words if word.startswith(ADDRESS))
    headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
    body = words[words.index("-d") + 1].encode()
    return httpx.post(url.replace(ADDRESS, address), headers=headers, content=body).text


def test_the_readme_shows_what_the_programs_say(tmp_path: Path) -> None:
    program = Program(tmp_path)
    settings = settings_in(tmp_path)
    with running(settings) as server:
        for command, shown in examples(README):
            if command.startswith("curl"):
                said = _curl(f"http://127.0.0.1:{server.port}", command)
            else:
                ended = program(*shlex.split(command)[1:])
                said = ended.stdout + ended.stderr
            assert matches(shown, said), f"{command}\n{said}"


@pytest.mark.parametrize("said", ["Booked X: 2 of 50 used.", "Booked X: 1 of 50 used. More."])
def test_another_output_would_be_noticed(said: str) -> None:
    assert not matches("Booked X: 1 of 50 used.", said)
