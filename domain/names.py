"""What people may call things: text that survives every round trip, and every file system."""

from unicodedata import category

from domain.errors import Invalid

MAX_NAME_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 1_000
# A name that becomes a file name gets ".json" and a temporary suffix; file systems allow 255.
MAX_FILE_NAME_BYTES = 200
_SHOWN_CHARACTERS = 40


def name_fault(text: object) -> str:
    """Say what is wrong with a name, or return the empty text."""
    if not isinstance(text, str):
        return f"found {shown(text)}, text is needed"
    if not text.strip():
        return "found an empty text, a name is needed"
    if len(text) > MAX_NAME_CHARACTERS:
        return f"found {len(text)} characters, at most {MAX_NAME_CHARACTERS} are allowed"
    if text.isprintable():  # which holds of nearly every name, and excludes what is looked for
        return ""
    for character in text:
        if category(character) in ("Cc", "Cs"):
            return f"found the character U+{ord(character):04X}, which no name may hold"
    return ""


def file_name_fault(text: object) -> str:
    """Say why a name cannot also name a file, or return the empty text."""
    if (fault := name_fault(text)) or not isinstance(text, str):
        return fault
    if text.startswith(".") or "/" in text or "\\" in text:
        return f"found {shown(text)}, which may hold no slash and may not begin with a dot"
    if len(text.encode()) > MAX_FILE_NAME_BYTES:
        return f"found {len(text.encode())} bytes, at most {MAX_FILE_NAME_BYTES} are allowed"
    return ""


def check_name(field: str, text: object) -> None:
    """Raise Invalid, naming the field, unless `text` can be a name."""
    if fault := name_fault(text):
        raise Invalid((f"/{field}", fault))


def check_file_name(field: str, text: object) -> None:
    """Raise Invalid, naming the field, unless `text` can be a name and a file name."""
    if fault := file_name_fault(text):
        raise Invalid((f"/{field}", fault))


def check_text(field: str, text: str) -> None:
    """Raise Invalid unless a free text (it may have several lines) can be stored and read again."""
    if len(text) > MAX_TEXT_CHARACTERS:
        detail = f"found {len(text)} characters, at most {MAX_TEXT_CHARACTERS} are allowed"
        raise Invalid((f"/{field}", detail))
    for character in text:
        if category(character) in ("Cc", "Cs") and character not in "\n\t":
            detail = f"found the character U+{ord(character):04X}, which no text may hold"
            raise Invalid((f"/{field}", detail))


def shown(value: object) -> str:
    """Return a value as a message shows it: its JSON-like text, cut short."""
    known = {None: "null", True: "true", False: "false"}
    text = known[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
