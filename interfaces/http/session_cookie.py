"""The key that a request shows: in its header, or for what only looks in the cookie of a browser.

Other sites can make a browser send requests. With a cookie that these do not carry
(SameSite=Strict), and that opens nothing which changes anything, they gain nothing by it.
"""

from starlette.types import Scope

COOKIE = "capacity_key"
_LOOKS = ("GET", "HEAD")
_NAMED = f"{COOKIE}=".encode()


def shown_key(scope: Scope) -> bytes:
    """Return `Bearer SECRET`, or whatever the header says instead; empty where no key is shown."""
    cookies = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
        if name == b"cookie":
            cookies = value
    if cookies and scope["method"] in _LOOKS:
        for each in cookies.split(b";"):
            if (pair := each.strip()).startswith(_NAMED):
                return b"Bearer " + pair[len(_NAMED) :]
    return b""
