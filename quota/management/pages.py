"""What the commands say of pools, accounts and usage, as lines and as values for JSON. Pure."""

from collections.abc import Iterable
from typing import Any, Final

from quota.engine.types import NEVER
from quota.management.tables import table
from quota.overview import AccountSeen, LimitSeen, PoolSeen
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
    troubles = [f"! {pool.name}: {pool.trouble}" for pool in seen if pool.trouble]
    return [*(table(_HEAD, rows, right=(3, 4)) if rows else ["no accounts"]), *troubles]


def account_facts(pool: PoolSeen, account: AccountSeen) -> dict[str, Any]:
    """One account for programs. `until_ms`: null where no time is known, or a person must act."""
    status = account.status
    return {
        "id": account.id,
        "name": account.name,
        "pool": pool.name,
        "enabled": account.enabled,
        "priority": account.priority,
        "status": status.word.value,
        "text": status.text,
        "why": status.why,
        "serves": status.serves,
        "until_ms": status.until_ms if 0 < status.until_ms < NEVER else None,
        "breaker": account.breaker or None,
        "load_ppm": account.load_ppm,
        "in_flight": account.in_flight,
        "limits": list(account.limits),
    }


def pool_facts(pool: PoolSeen) -> dict[str, Any]:
    """One pool for programs."""
    return {
        "id": pool.id,
        "name": pool.name,
        "strategy": pool.strategy,
        "leases": pool.leases,
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
        return f"! {pool.name}: {pool.trouble}"
    mark = "✓" if pool.serving else "✗"
    how = pool.strategy.replace("_", " ")
    serve = f"{pool.serving} of {len(pool.accounts)} accounts serve"
    return f"{mark} {pool.name}: {serve}, {how}, {pool.leases} calls under way"


def _account(pool: PoolSeen, account: AccountSeen) -> tuple[str, ...]:
    fullest = max(account.limits, key=_fullness, default=None)
    load = f"{account.load_ppm // 10_000} %"
    return (
        pool.name,
        account.name,
        account.status.text,
        load,
        str(account.in_flight),
        _limit(fullest) if fullest else "none",
        account.status.why,
    )


def _fullness(limit: LimitSeen) -> Any:  # noqa: ANN401 - a fraction, int or Decimal
    return (limit.used + limit.reserved) / limit.amount if limit.amount else 1


def _limit(limit: LimitSeen) -> str:
    gone, unit = limit.used + limit.reserved, "USD" if limit.metric.value == "cost" else limit.metric.value
    return f"{_number(gone)} of {_number(limit.amount)} {unit}/{limit.window.value}"


def _number(amount: Any) -> str:  # noqa: ANN401 - int or Decimal
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:,.2f}"


def _amounts(spent: Spent) -> tuple[str, str, str]:
    return f"{spent.requests:,}", f"{spent.tokens:,}", f"{spent.cost:,.4f}"
