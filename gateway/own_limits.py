"""What a caller is told whose own limit, or the whole pool's, is used up: which one, and until when. Pure."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from gateway.calls import POINTLESS_MS, OwnAnswer
from quota.engine.types import NEVER, Block, Client, Limit, Metric, Reason

_NANO: Final = 1_000_000_000
_CENT: Final = Decimal("0.01")


def answer(limited: Block, *, client: Client | None, now_ms: int) -> OwnAnswer:
    """Say it: 429, with the real time at which this very request may fit."""
    wait = None if limited.until_ms >= NEVER else max(0, limited.until_ms - now_ms)
    pointless = wait is None or wait > POINTLESS_MS
    whole = f"The pool as a whole has a limit of {limited.detail}"
    whose = whole if limited.account else f"This access key is limited to {_limit(limited, client)}"
    message = f"{whose}, {_until(limited)}"
    return OwnAnswer(429, "rate_limit_error", message, wait, False if pointless else None)


def summary(limited: Block) -> str:
    """Put it on one line of the decision chain."""
    whose = "the limit of the whole pool" if limited.account else "the access key's own limit"
    return f"refused: {whose}, {limited.detail or 'requests at once'}, {_until(limited)}"


def _limit(limited: Block, client: Client | None) -> str:
    if limited.reason is Reason.CONCURRENCY:
        return f"{client.max_concurrency if client else 0:,} requests at once"
    amounts = [limit for limit in client.limits if _name(limit) == limited.detail] if client else []
    return _amount(amounts[0]) if amounts else limited.detail


def _name(limit: Limit) -> str:
    return f"{limit.metric} per {limit.window}"


def _amount(limit: Limit) -> str:
    if limit.metric is not Metric.COST:
        return f"{limit.amount:,} {_name(limit)}"
    dollars = Decimal(limit.amount) / _NANO
    shown = f"${dollars:,.2f}" if dollars == dollars.quantize(_CENT) else f"${dollars.normalize():,f}"
    return f"{shown} per {limit.window}"


def _until(limited: Block) -> str:
    if limited.reason is Reason.CONCURRENCY:
        return "and so many are under way; this one may be sent when one of them has ended."
    if limited.until_ms >= NEVER:
        return "which this request alone would exceed."
    instant = datetime.fromtimestamp(-(-limited.until_ms // 1_000), tz=UTC)
    return f"which this request would exceed; it may fit from {instant:%Y-%m-%d %H:%M:%S} UTC on."
