"""Amounts as people read them. Pure; money is exact, never a float."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from accounts.money import from_nano
from quota.engine.types import Metric

_STEPS: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))
_CENT: Final = Decimal("0.01")
_ENOUGH: Final = 1_000
_FINE: Final = Decimal("0.0001")


def short(number: int) -> str:
    """`999`, `1.2K`, `5B`: a count, cut to two digits or more."""
    for size, letter in _STEPS:
        if abs(number) >= size:
            return f"{_rounded(number * 10 // size)}{letter}"
    return str(number)


def _rounded(tenths: int) -> str:
    """Tenths as a number, without those that say nothing."""
    whole = tenths % 10 == 0 or tenths >= _ENOUGH
    return str(tenths // 10) if whole else f"{Decimal(tenths) / 10}"


def dollars(amount: Decimal) -> str:
    """US dollars: `$12.34`; `$0.0012` where cents would show nothing; `< $0.0001` where that would neither."""
    if not amount:
        return "$0.00"
    if amount >= _CENT:
        return f"${amount.quantize(_CENT, ROUND_HALF_UP):,}"
    return f"${amount.quantize(_FINE, ROUND_HALF_UP)}" if amount >= _FINE else "< $0.0001"


def nano_dollars(nano: int) -> str:
    """As `dollars`."""
    return dollars(from_nano(nano))


def amount_of(metric: Metric, number: int) -> str:
    """A limit's amount in its unit: tokens and requests as counts, cost (nano-dollars) as dollars."""
    return nano_dollars(number) if metric is Metric.COST else short(number)


def percent(part: int, whole: int) -> int:
    """Whole percent, rounded down, so that 100 means full."""
    return part * 100 // whole if whole > 0 else 0
