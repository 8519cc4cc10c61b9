"""What a browser is told about an answer: that it is what it says, and what a page may do."""

Header = tuple[bytes, bytes]

_NO_SNIFFING: Header = (b"x-content-type-options", b"nosniff")
# Everything that a page needs comes with it, from here.
_PAGE: tuple[Header, ...] = (
    _NO_SNIFFING,
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        b"object-src 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)
# What a browser shows as a page, and runs scripts of.
_PAGES = (b"text/html", b"application/xhtml+xml", b"image/svg+xml")


def add_security_headers(headers: list[Header]) -> None:
    """Add what belongs to an answer with these headers; a policy of its own stays."""
    for name, value in headers:
        if name == b"content-type" and value.startswith(_PAGES):
            said = {name for name, _ in headers}
            headers.extend(each for each in _PAGE if each[0] not in said)
            return
    headers.append(_NO_SNIFFING)
