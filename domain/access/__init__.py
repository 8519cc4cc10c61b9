"""Access: which keys open the doors, whose they are, and what they may be used for."""

from domain.access.keys import (
    SCOPES,
    ApiKey,
    KeyExists,
    KeyExpired,
    KeyNotFound,
    KeyRevoked,
)

__all__ = ["SCOPES", "ApiKey", "KeyExists", "KeyExpired", "KeyNotFound", "KeyRevoked"]
