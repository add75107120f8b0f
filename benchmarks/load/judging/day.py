"""What an account may use in a UTC day: tokens, dollars."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.finding import Finding, none_of
from benchmarks.load.seen import Asked, Charged, Received, Seen

Amount = Callable[[Received], int]
Held = Callable[[Charged], int]
CLOCKS: Final = 0.05


def never_over(seen: Seen, limits: Mapping[str, int], amount: Amount, *, noun: str) -> Finding:
    """What the double billed never exceeds the limit."""
    used = used_of(seen, limits, amount)
    told = ", ".join(f"{name} {used[name]:,}/{limit:,}" for name, limit in limits.items())
    holds = any(used.values()) and all(used[name] <= limit for name, limit in limits.items())
    return Finding(f"no account exceeds its {noun}", holds, told)


def used_up(seen: Seen, limits: Mapping[str, int], amount: Amount, held: Held) -> Finding:
    """Nobody was refused while another request would have fitted: less is left than one may take."""
    used = used_of(seen, limits, amount)
    largest = max((held(one) for one in seen.books.charged), default=0)
    left = {name: limit - used[name] for name, limit in limits.items()}
    told = ", ".join(f"{name} {rest:,}" for name, rest in left.items())
    return Finding(
        "all of it is used",
        largest > 0 and all(rest < largest for rest in left.values()),
        f"left: {told}; a request takes up to {largest:,}",
    )


def used_of(seen: Seen, limits: Mapping[str, int], amount: Amount) -> dict[str, int]:
    """What each account was billed for, in all."""
    return {name: sum(amount(one) for one in seen.at_account(name)) for name in limits}


def until_midnight(seen: Seen) -> Finding:
    """Refusals tell the second at which the next UTC day begins, and that retrying before makes no sense."""
    wrong = [
        f"request {one.number} was told {one.retry_after} s, x-should-retry {one.should_retry or 'not set'}"
        for one in seen.refused
        if not _is_midnight(one) or one.should_retry != "false"
    ]
    return none_of("retry-after is 00:00 UTC", wrong, of=len(seen.refused), noun="refusal")


def _is_midnight(one: Asked) -> bool:
    if one.retry_after is None:
        return False
    midnight = _midnight_after(one.began)
    return one.began + one.retry_after - CLOCKS <= midnight + 1 and midnight <= one.ended + one.retry_after + CLOCKS


def _midnight_after(instant: float) -> float:
    today = datetime.fromtimestamp(instant, tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()
