"""Reading the files that a workflow is given: whole, of bounded size, every fault named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.errors import Invalid
from domain.names import shown
from domain.suppliers.choosing import Registration, read_registration, zip_text
from domain.suppliers.offers import parse_json
from interfaces.files.asking import one_line

MAX_FILE_BYTES = 256 * 2**20
UNKNOWN = "unknown"  # how a registration without an id is shown; it is never booked


class InputRefused(Invalid, ValueError):
    """What was handed in cannot be used; every fault is named, and nothing was done."""


def read_bytes(field: str, path: Path) -> bytes:
    """Return the bytes of a file. Raises InputRefused naming the field and the file."""
    try:
        with path.open("rb") as file:
            found = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputRefused((f"/{field}", f"{path} cannot be read: {why}")) from None
    if len(found) > MAX_FILE_BYTES:
        detail = f"{path} holds more than {MAX_FILE_BYTES} bytes, the limit"
        raise InputRefused((f"/{field}", detail))
    return found


def read_json(field: str, path: Path) -> Any:
    """Return what a JSON file says. Raises InputRefused."""
    try:
        return parse_json(read_bytes(field, path))
    except InputRefused:
        raise
    except Invalid as invalid:
        raise InputRefused((f"/{field}", f"{path}: {_details(invalid)}")) from None


def read_registrations(path: Path, max_items: int | None) -> list[Any]:
    """Return the first registrations of a file, as they stand there. Raises InputRefused."""
    found = read_json("registrations_file", path)
    if not isinstance(found, list):
        detail = f"{path}: found {shown(found)}, a list of registrations is needed"
        raise InputRefused(("/registrations_file", detail))
    return found[:max_items]


def normalised(record: Any, place: int) -> tuple[Registration, dict[str, Any]]:
    """Return a registration, and its record under our names with its zip code as text.

    Raises Invalid naming every fault. A registration without an id is a fault: under one name for
    all of them the first would be booked, and every other taken for its repetition.
    """
    registration = read_registration(record, pointer=f"/{place}")
    if registration.registration_id == UNKNOWN:
        detail = f"found '{UNKNOWN}', which stands for no id, an id is needed"
        raise Invalid((f"/{place}/registration_id", detail))
    renamed = {key: each for key, each in record.items() if key != "RegistrationNumber"}
    if "Contact_Zip" in renamed and zip_text(renamed["Contact_Zip"]):
        renamed["Contact_Zip"] = zip_text(renamed["Contact_Zip"])
    return registration, {"registration_id": registration.registration_id} | renamed | {
        "registration_id": registration.registration_id,
        "zip_code": registration.zip_code,
    }


def shown_id(record: Any) -> str:
    """Return the id under which a registration that cannot be read is reported."""
    if isinstance(record, Mapping):
        for key in ("registration_id", "RegistrationNumber"):
            if isinstance(found := record.get(key), str | int) and str(found).strip():
                return one_line(str(found))
    return UNKNOWN


def _details(invalid: Invalid) -> str:
    return "; ".join(f"{at}: {what}" if at else what for at, what in invalid.faults)
