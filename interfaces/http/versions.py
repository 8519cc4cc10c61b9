"""ETag and If-Match: which version was seen, and that it is decided on that or not at all."""

import re

from domain.errors import Invalid
from domain.names import shown
from domain.versions import Seen
from interfaces.http.asked import MAX_POSITION

_TAG = re.compile(r'"(0|[1-9][0-9]{0,18})(?:\.([1-9][0-9]{0,18}))?"')


def version_tag(version: int, *, reset_number: int = 0) -> str:
    """Return the ETag of one version of an aggregate, without its quotes.

    A count other than the first is named too, for versions begin at 1 again in every count.
    """
    return f"{version}.{reset_number}" if reset_number else str(version)


def expected_version(if_match: str) -> Seen:
    """Read an If-Match: one ETag that was answered here, or `*`. Raises Invalid."""
    text = if_match.strip()
    if text == "*":
        return Seen(None)
    if found := _TAG.fullmatch(text):
        version, reset_number = int(found[1]), int(found[2] or 0)
        if max(version, reset_number) <= MAX_POSITION:
            return Seen(version, reset_number)
    detail = f'found {shown(text)}, one ETag of this resource is needed, such as "7", or *'
    raise Invalid(("/If-Match", detail))
