"""What the README shows is what the programs say."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.support.programs import Program
from tests.support.servers import running, settings_in

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:8000"


def _examples() -> Iterator[tuple[str, str]]:
    """Yield every command that is shown, with the output that is shown for it."""
    for block in re.findall(r"```console\n(.*?)```", README.read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def _matches(shown: str, said: str) -> bool:
    """Whether the output is as shown: spaces apart, and with anything for three dots."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in shown.split("..."))
    spaced = pattern.replace(r"\ ", r"\s*")
    return re.fullmatch(rf"\s*{spaced}\s*", " ".join(said.split()), re.DOTALL) is not None


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
        for command, shown in _examples():
            if command.startswith("curl"):
                said = _curl(f"http://127.0.0.1:{server.port}", command)
            else:
                ended = program(*shlex.split(command)[1:])
                said = ended.stdout + ended.stderr
            assert _matches(shown, said), f"{command}\n{said}"


@pytest.mark.parametrize("said", ["Booked X: 2 of 50 used.", "Booked X: 1 of 50 used. More."])
def test_another_output_would_be_noticed(said: str) -> None:
    assert not _matches("Booked X: 1 of 50 used.", said)
