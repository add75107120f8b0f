"""Dollars as people write them, nano-dollars as the engine counts them. Pure, exact, never float."""

from decimal import Decimal
from typing import Final

NANO: Final = 1_000_000_000
DECIMAL_PLACES: Final = 9


def to_nano(dollars: Decimal) -> int:
    """US dollars to nano-dollars. Raises ValueError when there is anything finer than a nano-dollar."""
    nano = dollars.scaleb(DECIMAL_PLACES)
    if not nano.is_finite() or nano != nano.to_integral_value():
        raise ValueError(f"{dollars} USD is no whole number of nano-dollars")
    return int(nano)


def from_nano(nano: int) -> Decimal:
    """Nano-dollars to US dollars."""
    return Decimal(nano).scaleb(-DECIMAL_PLACES)
