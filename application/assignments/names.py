"""Names of people: sealed before they go into an event, opened when somebody may read them.

The same name under the same key gives the same cipher (AES-SIV is made for that), so a decision
can tell whether a name changed without opening it, and decides alike however often it is run.
"""

import asyncio
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from application.assignments.person_keys import PersonKeys

KEY_BYTES = 64  # AES-256-SIV takes two keys of 32
_KEY_MARK_BYTES = 8


def sealed(name: str, *, person_id: int, key: bytes) -> bytes:
    """Return the cipher of a name; a mark before it tells which key opens it."""
    return _mark(key) + AESSIV(key).encrypt(name.encode(), [_owner(person_id)])


def opened(cipher: bytes, *, person_id: int, key: bytes | None) -> str:
    """Return the name in a cipher, or what stands for one whose key was deleted.

    Raises cryptography's InvalidTag for a cipher that was tampered with, or is somebody else's.
    """
    if key is None or not cipher.startswith(_mark(key)):
        return forgotten_name(person_id)
    return AESSIV(key).decrypt(cipher[_KEY_MARK_BYTES:], [_owner(person_id)]).decode()


def forgotten_name(person_id: int) -> str:
    """Return what stands for a name that nobody can read any more."""
    return f"Person {person_id} (forgotten)"


def _mark(key: bytes) -> bytes:
    return sha256(key).digest()[:_KEY_MARK_BYTES]


def _owner(person_id: int) -> bytes:
    return f"person {person_id}".encode()


class PersonNames:
    """Seals and opens names, with one call to the keys for any number of people."""

    def __init__(self, keys: PersonKeys) -> None:
        self._keys = keys

    async def seal(self, names: Mapping[int, str], *, keep: bool) -> dict[int, bytes]:
        """Return the ciphers of names by person; new keys are kept unless it is a trial."""
        return await asyncio.to_thread(self._seal, names, keep)

    def _seal(self, names: Mapping[int, str], keep: bool) -> dict[int, bytes]:
        # What stands for a forgotten name, as in a document that was exported, is none.
        known = {each: name for each, name in names.items() if name != forgotten_name(each)}
        keys = self._keys.made(known, keep=keep)
        return dict.fromkeys(names, b"") | {
            person_id: sealed(name, person_id=person_id, key=keys[person_id])
            for person_id, name in known.items()
        }

    def open(self, ciphers: Mapping[int, bytes]) -> dict[int, str]:
        """Return the names in ciphers by person; it waits for the database, so not on the loop."""
        keys = self._keys.kept(ciphers)
        return {
            person_id: opened(cipher, person_id=person_id, key=keys.get(person_id))
            for person_id, cipher in ciphers.items()
        }

    async def forget(self, person_id: int) -> None:
        """Make every cipher of a person's name unreadable for good."""
        await asyncio.to_thread(self._keys.forget, person_id)
