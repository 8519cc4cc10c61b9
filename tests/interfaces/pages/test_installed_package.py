"""An installed wheel serves its pages: all that they are made of is packaged."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.programs import TIMEOUT_SECONDS, Program

ROOT = Path(__file__).parents[3]
PACKAGES = ("domain", "application", "projections", "interfaces")
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of the packages, installed somewhere."""
    folder = tmp_path_factory.mktemp("installed")
    source, site = folder / "source", folder / "site"
    source.mkdir()
    shutil.copy(ROOT / "pyproject.toml", source)
    for each in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / each, source / each, ignore=ignored)
    alone = ("--no-index", "--no-deps", "--no-cache-dir")
    wheels = folder / "wheels"
    _run(*PIP, "wheel", *alone, "--no-build-isolation", f"--wheel-dir={wheels}", str(source))
    (wheel,) = wheels.glob("*.whl")
    _run(*PIP, "install", *alone, "--no-compile", f"--target={site}", str(wheel))
    return site


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr.decode()


@contextmanager
def served(site: Path, folder: Path) -> Iterator[httpx.Client]:
    """Serve from an installed package, with the other packages of these tests."""
    program = Program(folder)
    program.environment["PYTHONPATH"] = str(site)
    program.environment["CAPACITY_LEDGER_FILE"] = str(folder / "capacity.db")
    program.ok("migrate")
    with program.running("serve", "--port", "0") as process:
        assert process.stderr is not None
        address = ""
        for line in process.stderr:
            if found := re.search(rb"running on (http://[0-9.:]+)", line):
                address = found[1].decode()
                break
        with httpx.Client(base_url=address, timeout=30, verify=False) as client:
            yield client


def modules_of(site: Path, folder: Path) -> str:
    """Return from where a program that is run so takes its packages."""
    environment = dict(os.environ) | {"PYTHONPATH": str(site)}
    command = (sys.executable, "-c", "import interfaces.pages; print(interfaces.pages.__file__)")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_an_installed_wheel_serves_its_pages(installed: Path, tmp_path: Path) -> None:
    assert modules_of(installed, tmp_path) == str(installed / "interfaces/pages/__init__.py")
    with served(installed, tmp_path) as client:
        for path in ("/", "/suppliers", "/ledger", "/reports/role-capacity"):
            answered = client.get(path)
            assert answered.status_code == 200, answered.text
            loaded = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', answered.text))
            assert loaded
            for each in loaded:
                assert client.get(each).status_code == 200, each


def test_a_wheel_without_its_files_would_be_noticed(installed: Path, tmp_path: Path) -> None:
    """The negative control of the test above."""
    ignored = shutil.ignore_patterns("static")
    site = shutil.copytree(installed, tmp_path / "site", ignore=ignored)
    with served(site, tmp_path) as client:
        assert client.get("/").status_code == 500
