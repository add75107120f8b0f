"""What a configuration must be for the engine's sums to make sense. Pure; both engines ask here first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from quota.engine.errors import EngineMisconfigured
from quota.engine.strategies import STRIDE
from quota.engine.types import Account, Limit, PoolSettings

MOST: Final = 1 << 53
"""Beyond this Redis's Lua, which counts in doubles, loses units."""


def check(settings: PoolSettings, accounts: Sequence[Account]) -> None:
    """Raises EngineMisconfigured naming everything that is wrong."""
    wrong = [*_wrong_settings(settings), *_wrong_names(accounts)]
    for account in accounts:
        wrong.extend(f"account {account.id!r}: {what}" for what in _wrong_account(account))
    if wrong:
        raise EngineMisconfigured("; ".join(wrong))


def _wrong_settings(settings: PoolSettings) -> Iterator[str]:
    breaker = settings.breaker
    if breaker.threshold < 1 or breaker.successes_to_close < 1:
        yield "a breaker needs at least one failure to open and one success to close"
    if breaker.open_ms < 1 or settings.affinity_ttl_ms < 1:
        yield "a breaker's open time and a session's time must be longer than nothing"
    yield from _wrong_limits(settings.limits)


def _wrong_names(accounts: Sequence[Account]) -> Iterator[str]:
    for name, times in Counter(account.id for account in accounts).items():
        if times > 1:
            yield f"account {name!r} is there {times} times"
        if not name or "|" in name or not name.isprintable():
            yield f"account id {name!r} must be printable text without '|'"


def _wrong_account(account: Account) -> Iterator[str]:
    if not 1 <= account.weight <= STRIDE:
        yield f"weight {account.weight} is not between 1 and {STRIDE}"
    if account.max_concurrency is not None and account.max_concurrency < 0:
        yield f"max concurrency {account.max_concurrency} is negative"
    yield from _wrong_limits(account.limits)


def _wrong_limits(limits: Sequence[Limit]) -> Iterator[str]:
    for limit in limits:
        if not 0 <= limit.amount <= MOST:
            yield f"{limit.metric} per {limit.window} of {limit.amount} is not between 0 and 2^53"
