"""Who asks: the holder of a key, or somebody on this machine where there are no keys."""

from uuid import UUID

from msgspec import Struct

from domain.access import SCOPES

LOCAL_ACTOR = "local"


class Caller(Struct, frozen=True):
    """The one who asks; a key that belongs to a person limits what it sees to what they may see.

    `key_id` is None for a caller on this machine, who needs none as long as there are no keys.
    """

    key_id: UUID | None
    owner: str
    scopes: frozenset[str]
    person_id: str = ""
    on_behalf_of: str = ""
    may_act_on_behalf: bool = True


LOCAL = Caller(key_id=None, owner=LOCAL_ACTOR, scopes=frozenset(SCOPES))
