"""Which vertical a caller sees: staff any, and a person's key that of the person alone."""

from sqlalchemy import Connection

from interfaces.callers import Caller
from interfaces.http.confinement import is_confined
from projections.role_capacity import vertical_of

NOBODYS_VERTICAL = -1  # what somebody without a vertical sees: nothing of anybody


def seen_vertical(connection: Connection, caller: Caller, asked: int | None) -> int | None:
    """Return the vertical of what a caller gets to see; None: of all."""
    if not is_confined(caller):
        return asked
    person_id = caller.person_id
    if not (person_id.isascii() and person_id.isdecimal() and len(person_id) < 19):
        return NOBODYS_VERTICAL
    found = vertical_of(connection, person_id=int(person_id))
    return NOBODYS_VERTICAL if found is None else found
