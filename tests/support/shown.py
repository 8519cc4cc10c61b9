"""What a page shows of commands and their output, for comparing with what programs say."""

import re
from collections.abc import Iterator
from pathlib import Path


def examples(page: Path) -> Iterator[tuple[str, str]]:
    """Yield every command that is shown, with the output that is shown for it."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def matches(shown: str, said: str) -> bool:
    """Whether the output is as shown: spaces apart, and with anything for three dots."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in shown.split("..."))
    spaced = pattern.replace(r"\ ", r"\s*")
    return re.fullmatch(rf"\s*{spaced}\s*", " ".join(said.split()), re.DOTALL) is not None
