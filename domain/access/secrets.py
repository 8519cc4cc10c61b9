"""Secrets: how the text that opens a door is made of randomness, and how it is recognised."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256

SECRET_BYTES = 32
# Scanners of repositories and logs find it by this.
SECRET_PATTERN = re.compile(r"cap_[A-Za-z0-9_-]{43}")


def secret_of(randomness: bytes) -> str:
    """Return the secret made of 32 random bytes."""
    if len(randomness) != SECRET_BYTES:
        raise ValueError(f"found {len(randomness)} bytes, {SECRET_BYTES} are needed")
    return "cap_" + urlsafe_b64encode(randomness).rstrip(b"=").decode()


def digest_of(secret: bytes) -> bytes:
    """Return what is stored of a secret."""
    return sha256(secret).digest()
