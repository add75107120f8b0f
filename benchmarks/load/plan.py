"""The scenarios as values: which pools, which callers, how many of them. `users` scales it; 1,000 is the full size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

FULL_USERS: Final = 1_000
WARM: Final = 8
"""So many requests come before each scenario, and count: it is about a pool in use, not one that was never asked."""
SHARES: Final = {"a": 5, "b": 4, "c": 3, "d": 2, "e": 1}
"""Five accounts of different size."""


@dataclass(frozen=True, slots=True)
class Account:
    """`limits` are columns of the product's accounts (dollars as text). `latency`: seconds until the double answers."""

    name: str
    limits: Mapping[str, int | str]
    latency: float = 0.05


@dataclass(frozen=True, slots=True)
class Pool:
    """`settings` are columns of the product's pools."""

    name: str
    accounts: tuple[Account, ...]
    settings: Mapping[str, int | str | bool] = field(default_factory=dict)

    def limit(self, column: str) -> dict[str, int]:
        """That limit of each account, as a whole number (dollars in nano-dollars)."""
        return {one.name: _whole(one.limits[column]) for one in self.accounts}


def _whole(amount: int | str) -> int:
    return amount if isinstance(amount, int) else round(float(amount) * 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Callers:
    """`users` ask `total` requests between them, all at once or `per_second`. With `refusals` each user stops after so
    many instead. Whatever happens, it is over after `seconds`.
    """

    users: int
    total: int
    per_second: float = 0.0
    refusals: int = 0
    max_tokens: int = 32
    seconds: float = 120.0


def by_size(scenario: str, unit: int, *, latency: float) -> tuple[Account, ...]:
    """Five accounts whose requests per minute are 5, 4, 3, 2 and 1 units."""
    return tuple(
        Account(f"{scenario}-{letter}", {"limit_requests_minute": unit * share}, latency)
        for letter, share in SHARES.items()
    )


def spread_of(users: int) -> tuple[Pool, Callers]:
    """As many requests at once as users, over a pool that can take half as many again."""
    unit = -(-users * 3 // (2 * sum(SHARES.values())))
    pool = Pool("spread", by_size("spread", unit, latency=_long_enough(users)))
    return pool, Callers(users=users, total=users)


def _long_enough(users: int) -> float:
    """Seconds of an answer, so that the first is not over before the last has been asked."""
    return max(2.0, users / 50)


def overload_of(users: int) -> tuple[Pool, Callers]:
    """Half as much again as the pool's requests per minute, for as long as it takes to see a second minute begin."""
    unit = max(2, users // 10)
    per_second = 1.5 * unit * sum(SHARES.values()) / 60
    pool = Pool("overload", by_size("overload", unit, latency=0.05), {"queue_seconds": 0})
    seconds = 80
    callers = Callers(users=max(20, round(per_second * 4)), total=round(per_second * seconds), per_second=per_second)
    return pool, callers


def failover_of(users: int) -> tuple[Pool, Callers]:
    """Half as many requests as users, ten from each caller."""
    total = max(50, users // 2)
    accounts = by_size("failover", unit=-(-total * 2 // sum(SHARES.values())) * 2, latency=0.25)
    return Pool("failover", accounts), Callers(users=total // 10, total=total)


QUOTAS: Final[Mapping[str, tuple[str, tuple[int | str, int | str], str]]] = {
    "rpm": ("limit_requests_minute", (50, 30), "requests per minute"),
    "tokens": ("limit_tokens_day", (12_000, 8_000), "tokens per day"),
    "cost": ("limit_cost_day", ("0.08", "0.05"), "cost per day"),
}
"""The limit, how much of it two accounts have, and what the pool calls it."""


def quota_of(name: str) -> tuple[Pool, Callers]:
    """Ask until everybody was told twice that there is no more. Not even an answer under way may exceed the limit."""
    column, amounts, _ = QUOTAS[name]
    accounts = tuple(
        Account(f"{name}-{letter}", {column: amount}) for letter, amount in zip("ab", amounts, strict=True)
    )
    settings: dict[str, int | str | bool] = {"estimate_policy": "worst_case", "queue_seconds": 2}
    return Pool(name, accounts, settings), Callers(users=10, total=2_000, refusals=2)


OPEN_SECONDS: Final = 6
"""Instead of 300, so that one sees the end of it."""


def recovery_of(users: int) -> tuple[Pool, Callers]:
    """Enough requests for the breaker to open, to probe in vain, and to close."""
    per_second = max(10.0, users / 100)
    accounts = tuple(Account(f"recovery-{letter}", {"limit_requests_minute": 100_000}, 0.5) for letter in "abc")
    seconds = 4 * OPEN_SECONDS
    callers = Callers(users=round(per_second * 4), total=round(per_second * seconds), per_second=per_second)
    return Pool("recovery", accounts, {"breaker_open_seconds": OPEN_SECONDS, "strategy": "round_robin"}), callers
