"""What the commands say of pools, accounts and usage, as lines and as values for JSON. Pure."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final

from quota.engine.types import NEVER, Metric
from quota.engine.views import LimitState
from quota.health import amount_of
from quota.management.tables import table
from quota.overview import AccountSeen, PoolSeen
from quota.usage import Spent
from quota.usage_report import Report

_HEAD: Final = ("POOL", "ACCOUNT", "STATUS", "LOAD", "CALLS", "FULLEST LIMIT", "WHY")


def of_pools(pools: Iterable[PoolSeen]) -> list[str]:
    """A line for each pool, and the table of their accounts."""
    seen = list(pools)
    heads = [_pool(pool) for pool in seen]
    rows = [_account(pool, account) for pool in seen for account in pool.accounts]
    return [*heads, "", *(table(_HEAD, rows, right=(3, 4)) if rows else ["no accounts"])]


def of_accounts(pools: Iterable[PoolSeen]) -> list[str]:
    """The table of all accounts, and what is wrong with their pools."""
    seen = list(pools)
    rows = [_account(pool, account) for pool in seen for account in pool.accounts]
    troubles = [f"! {pool.pool.name}: {pool.trouble}" for pool in seen if pool.trouble]
    return [*(table(_HEAD, rows, right=(3, 4)) if rows else ["no accounts"]), *troubles]


def account_facts(pool: PoolSeen, account: AccountSeen) -> dict[str, Any]:
    """One account for programs. `until_ms`: null where no time is known, or a person must act."""
    row, status, state = account.account, account.card.status, account.card.state
    return {
        "id": str(row.pk),
        "name": row.name,
        "pool": pool.pool.name,
        "enabled": row.enabled,
        "priority": row.priority,
        "status": status.word.value,
        "text": status.text,
        "why": status.why,
        "serves": status.serves,
        "until_ms": status.until_ms if 0 < status.until_ms < NEVER else None,
        "breaker": state.breaker.value if state else None,
        "load_ppm": state.load_ppm if state else 0,
        "in_flight": state.in_flight if state else 0,
        "limits": [_limit_facts(one) for one in state.limits] if state else [],
    }


def pool_facts(pool: PoolSeen) -> dict[str, Any]:
    """One pool for programs."""
    return {
        "id": str(pool.pool.pk),
        "name": pool.pool.name,
        "strategy": pool.pool.strategy,
        "leases": pool.snapshot.leases if pool.snapshot else 0,
        "serving": pool.serving,
        "trouble": pool.trouble,
        "accounts": [account_facts(pool, account) for account in pool.accounts],
    }


def of_usage(report: Report) -> list[str]:
    """The table of a report, with its sum."""
    head = ("POOL", "ACCOUNT", "MODEL", "CALLS", "TOKENS", "COST (USD)")
    rows = [(line.pool, line.account, line.model or "–", *_amounts(line.spent)) for line in report.lines]
    total = ("all", "", "", *_amounts(report.total))
    since = f"{report.period.value}, since {report.starts_at:%Y-%m-%d %H:%M} UTC"
    return [since, "", *table(head, [*rows, total], right=(3, 4, 5))]


def _pool(pool: PoolSeen) -> str:
    if pool.trouble:
        return f"! {pool.pool.name}: {pool.trouble}"
    mark = "✓" if pool.serving else "✗"
    how = pool.pool.strategy.replace("_", " ")
    serve = f"{pool.serving} of {pool.total} accounts serve"
    leases = pool.snapshot.leases if pool.snapshot else 0
    return f"{mark} {pool.pool.name}: {serve}, {how}, {leases} calls under way"


def _account(pool: PoolSeen, account: AccountSeen) -> tuple[str, ...]:
    state, status = account.card.state, account.card.status
    fullest = max(state.limits if state else (), key=_fullness, default=None)
    load = f"{state.load_ppm // 10_000 if state else 0} %"
    return (
        pool.pool.name,
        account.account.name,
        status.text,
        load,
        str(state.in_flight if state else 0),
        _limit(fullest) if fullest else "none",
        status.why,
    )


def _fullness(one: LimitState) -> Fraction:
    return Fraction(one.used + one.reserved, one.limit.amount) if one.limit.amount else Fraction(1)


def _limit_facts(one: LimitState) -> dict[str, Any]:
    limit, metric = one.limit, one.limit.metric
    amount, used, reserved = (amount_of(metric, number) for number in (limit.amount, one.used, one.reserved))
    return {"metric": metric, "window": limit.window, "amount": amount, "used": used, "reserved": reserved}


def _limit(one: LimitState) -> str:
    metric = one.limit.metric
    gone, unit = amount_of(metric, one.used + one.reserved), "USD" if metric is Metric.COST else metric.value
    return f"{_number(gone)} of {_number(amount_of(metric, one.limit.amount))} {unit}/{one.limit.window.value}"


def _number(amount: Any) -> str:  # noqa: ANN401 - int or Decimal
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:,.2f}"


def _amounts(spent: Spent) -> tuple[str, str, str]:
    return f"{spent.requests:,}", f"{spent.tokens:,}", f"{spent.cost:,.4f}"
