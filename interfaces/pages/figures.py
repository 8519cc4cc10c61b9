"""How figures are written on a page."""

MINUS, THIN_SPACE = "\u2212", "\u202f"


def hours(amount: float) -> str:
    """Return hours with one decimal, and a thin space between thousands."""
    return _signed(f"{amount:,.1f}")


def amount(number: float) -> str:
    """Return a figure of a grid: as short as it is exact to a tenth."""
    return _signed(f"{number:,.1f}".removesuffix(".0"))


def percent(share: float) -> str:
    """Return a share in whole percent."""
    return f"{_signed(f'{share:,.0f}')}{THIN_SPACE}%"


def whole(number: int) -> str:
    """Return a whole number."""
    return _signed(f"{number:,d}")


def _signed(text: str) -> str:
    plain = "0.0" if text == "-0.0" else text
    return plain.replace(",", THIN_SPACE).replace("-", MINUS)
