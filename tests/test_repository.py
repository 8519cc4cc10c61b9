"""The repository can be cloned anywhere: it names no machine and no registry."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from importlinter import cli as import_linter

ROOT = Path(__file__).parent.parent
NOT_OURS = {"build", "dist", "__pycache__"}


def repository_files() -> list[Path]:
    """List what git tracks or would track; outside git, all but build results and caches."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return sorted(_walk(ROOT))
    named = (ROOT / name for name in listing.stdout.split("\0") if name)
    return sorted(path for path in named if path.is_file())


def _walk(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        hidden = path.is_dir() and path.name.startswith(".") and path.name != ".ci"
        if hidden or path.name in NOT_OURS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def matching_lines(pattern: str, paths: list[Path]) -> list[str]:
    """Return `path:line: text` for each line that matches, leaving out files that are not text."""
    found = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line}"
            for number, line in enumerate(lines, 1)
            if re.search(pattern, line)
        ]
    return found


def test_the_lock_names_no_url() -> None:
    assert matching_lines(r"://|file:|^\s*--(?!hash)", [ROOT / "requirements.lock"]) == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert matching_lines(r"(?<![\w.*/-])/(?:work|root|home|Users)/", repository_files()) == []


def test_tests_are_no_package() -> None:
    """Two test files may share a name only while no directory of tests is a package."""
    assert sorted((ROOT / "tests").rglob("__init__.py")) == []


def test_imports_go_one_way() -> None:
    """The import rules of pyproject.toml hold; `lint-imports` says where they do not."""
    config = str(ROOT / "pyproject.toml")
    assert import_linter.lint_imports(config_filename=config, no_cache=True) == 0
