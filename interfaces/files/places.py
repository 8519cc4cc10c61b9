"""Where the ledger of a capacity file lies, and under which names the file is known there."""

import os
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from domain.names import file_name_fault, shown
from interfaces.files.adoption import check_within_its_folder
from interfaces.files.errors import CapacityFileInvalid
from interfaces.settings import Settings

FILES_LINE = "files"
_DIGEST_CHARACTERS = 12
_STEM_BYTES = 100  # with the digest it is still the name of a file


class Place(NamedTuple):
    """A capacity file, its ledger, and the scenario that it shows."""

    path: Path
    settings: Settings
    line: str
    scenario: str
    capacity_file: str  # as the scenario has it: empty at its default path

    @property
    def embedded(self) -> bool:
        """Whether the ledger lies beside the file, and is this file's alone."""
        return not self.settings.database_url


def place_of(capacity_file: str | Path) -> Place:
    """Return where a file's ledger lies: beside it, or where CAPACITY_DATABASE_URL says."""
    settings = _settings(frozenset(_ours()))
    path = Path(capacity_file)
    check_within_its_folder(path)
    if path.is_symlink() or path.exists():
        path = path.resolve()
    else:  # a name that is to be made: only its folder may lead over links
        path = path.parent.resolve() / path.name
    if fault := file_name_fault(path.name):
        raise CapacityFileInvalid(capacity_file, [("", f"its name: {fault}")])
    return _shared(path, settings) if settings.database_url else _beside(path, settings)


def _beside(path: Path, settings: Settings) -> Place:
    name = path.name.removesuffix(".json") or path.name
    settings = settings.model_copy(
        update={
            "ledger_file": path.with_name(f".{name}.ledger.db"),
            "views_file": path.with_name(f".{name}.views.db"),
            "data_dir": path.parent,
        }
    )
    return Place(path, settings, FILES_LINE, name, path.name)


def _shared(path: Path, settings: Settings) -> Place:
    """Take the scenario that the server means by this path; else one for the path alone."""
    data_dir = settings.data_dir.resolve()
    if path.is_relative_to(data_dir):
        match path.relative_to(data_dir).parts:
            case (line, "capacity", name) if name.endswith(".json") and not file_name_fault(line):
                return Place(path, settings, line, name.removesuffix(".json"), "")
    if not path.as_posix().isprintable():
        detail = f"found {shown(path.as_posix())}, a path of printable characters is needed"
        raise CapacityFileInvalid(path, [("", detail)])
    digest = sha256(os.fsencode(path)).hexdigest()[:_DIGEST_CHARACTERS]
    stem = path.name.removesuffix(".json").encode()[:_STEM_BYTES].decode(errors="ignore")
    return Place(path, settings, FILES_LINE, f"{stem}-{digest}", path.as_posix())


def _ours() -> list[tuple[str, str]]:
    return [(name, text) for name, text in os.environ.items() if name.startswith("CAPACITY_")]


@lru_cache(maxsize=4)
def _settings(environment: frozenset[tuple[str, str]]) -> Settings:
    """Return the settings, which are read anew when the environment has changed."""
    return Settings()
