"""Account states as the engine would show them, made for a test."""

from typing import Any

from quota.engine.said import Dimension
from quota.engine.types import BreakerMode, BreakerState, Limit, Metric, Scope, Window
from quota.engine.views import AccountState, HoldState, LearnedState, LimitState

NOON = 1_795_348_800_000  # 2026-11-22 12:00 UTC
MIDNIGHT = NOON + 12 * 3_600_000


def state(name: str = "alpha", **facts: Any) -> AccountState:
    """A healthy account, but for the facts given."""
    healthy: dict[str, Any] = {
        "id": name,
        "enabled": True,
        "priority": 100,
        "organization": "",
        "breaker": BreakerState.CLOSED,
        "mode": BreakerMode.AUTO,
        "generation": 0,
        "failures": 0,
        "open_until_ms": 0,
        "breaker_why": "",
        "probing": False,
        "in_flight": 0,
        "load_ppm": 0,
        "last_used_ms": 0,
        **dict.fromkeys(("day_requests", "day_tokens", "day_cost", "month_requests", "month_tokens", "month_cost"), 0),
        **dict.fromkeys(("reserved_tokens", "reserved_cost", "minute_requests"), 0),
    }
    return AccountState(**{**healthy, **facts})


def opened(*, until_ms: int = NOON + 252_000, **facts: Any) -> AccountState:
    return state(breaker=BreakerState.OPEN, open_until_ms=until_ms, breaker_why="http 503", failures=5, **facts)


def hold(why: str, *, for_ms: int = 240_000, **facts: Any) -> HoldState:
    return HoldState(scope=Scope.ACCOUNT, why=why, until_ms=NOON + for_ms, **facts)


def limit(
    *,
    used: int,
    amount: int,
    reserved: int = 0,
    metric: Metric = Metric.TOKENS,
    window: Window = Window.DAY,
    resets_ms: int = MIDNIGHT,
) -> LimitState:
    return LimitState(Limit(metric, window, amount), used=used, reserved=reserved, resets_ms=resets_ms)


def learned(*, remaining: int, back_in_ms: int = 0) -> LearnedState:
    return LearnedState(
        group="opus-5",
        dimension=Dimension.REQUESTS,
        limit=50,
        remaining=remaining,
        full_at_ms=NOON + 60_000,
        back_at_ms=NOON + back_in_ms if back_in_ms else 0,
        at_ms=NOON,
    )
