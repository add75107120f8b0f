"""Runs as a process of its own with the product's environment: makes the pools, and reads a pool's books.

python -m benchmarks.load.product make < pools.json        → {"pools": {name: {"id", "key"}}, "web": [...], ...}
python -m benchmarks.load.product books < question.json    → benchmarks.load.seen.Books
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from benchmarks.patience import within


def main(word: str) -> None:
    """Answer on standard output."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "nubabel.settings"
    import django  # this module is also imported where there is no environment for it

    django.setup()
    asked = json.load(sys.stdin)
    print(json.dumps(make(asked) if word == "make" else books(asked)))


def make(pools: list[dict[str, Any]]) -> dict[str, Any]:
    """Tables, pools with their accounts, an access key for each; and how its processes are started."""
    from django.core.management import call_command

    from nubabel.serve.services import web, worker

    call_command("migrate", verbosity=0)
    made = {pool["name"]: _pool(pool) for pool in pools}
    return {"pools": made, "web": list(web().argv), "worker": list(worker(1).argv)}


def _pool(wanted: dict[str, Any]) -> dict[str, str]:
    from django.conf import settings

    from accounts.access import issue_access_key
    from accounts.models import Pool
    from accounts.services import create_account

    pool = Pool.objects.create(name=wanted["name"], simulated=True, **wanted["settings"])
    for account in wanted["accounts"]:
        limits = {column: _amount(column, amount) for column, amount in account["limits"].items()}
        create_account(
            pool=pool, name=account["name"], api_key=account["key"], base_url=settings.SIMULATOR_URL, **limits
        )
    key, _ = issue_access_key(name=f"load {pool.name}", scopes=["messages"], pool=pool)
    return {"id": str(pool.pk), "key": key}


def _amount(column: str, amount: int | str) -> int | Decimal:
    return Decimal(amount) if column.startswith("limit_cost") else int(amount)


def books(question: Mapping[str, Any]) -> dict[str, Any]:
    """What is written of a pool once that many activities have ended and no lease is left, or when time is up."""
    pool = question["pool"]

    def settled() -> bool:
        ended = _activities(pool)
        over = ended.get("completed", 0) + ended.get("failed", 0) >= question["activities"]
        return over and not asyncio.run(_snapshot(pool)).leases

    within(float(question["seconds"]), settled)
    return _books(pool, _activities(pool), asyncio.run(_snapshot(pool)))


async def _snapshot(pool: str) -> Any:  # noqa: ANN401 - an engine's, which is imported later
    from quota.wiring import open_watching_engine

    engine = open_watching_engine()
    try:
        return await engine.snapshot(pool)
    finally:
        await engine.close()


def _activities(pool: str) -> dict[str, int]:
    from quota.models import Activity

    return dict(Counter(Activity.objects.filter(pool_id=pool).values_list("status", flat=True)))


def _books(pool: str, activities: Mapping[str, int], snapshot: Any) -> dict[str, Any]:  # noqa: ANN401
    from accounts.models import ClaudeAccount

    names = {str(one.pk): one.name for one in ClaudeAccount.objects.filter(pool_id=pool)}
    return {
        "activities": dict(activities),
        "charged": _charged(pool, names),
        "failed": _failed(pool),
        "leases": snapshot.leases,
        "breakers": {names[one.id]: one.breaker.value for one in snapshot.accounts.values()},
    }


def _charged(pool: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    from quota.models import Attempt

    columns = (
        *("request_id", "account", "granted_at", "tokens", "cost_nano"),
        *("estimated_tokens", "estimated_cost_nano"),
    )
    rows = Attempt.objects.filter(pool_id=pool, counted_requests=1).values_list(*columns)
    return [_charge(row, names) for row in rows]


def _charge(row: tuple[Any, ...], names: Mapping[str, str]) -> dict[str, Any]:
    request_id, account, granted, tokens, cost, held_tokens, held_cost = row
    return {
        "request_id": request_id,
        "account": names[str(account)],
        "granted": granted.timestamp(),
        "tokens": tokens,
        "cost_nano": cost,
        "held_tokens": held_tokens,
        "held_cost_nano": held_cost,
    }


def _failed(pool: str) -> dict[str, dict[str, str]]:
    from quota.models import Activity

    rows = Activity.objects.filter(pool_id=pool, status="failed").values_list("pk", "error_type", "decision")
    return {str(pk): {"error": error, "decision": " / ".join(decision)} for pk, error, decision in rows}


if __name__ == "__main__":
    main(sys.argv[1])
