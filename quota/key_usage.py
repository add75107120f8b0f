"""What an access key has used today and of each of its limits: the engine's books, beside the ledger's day."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db.models import Sum

from accounts.default_pool import default_of
from accounts.models import AccessKey, Pool
from quota.control import ask
from quota.engine.errors import EngineError
from quota.engine.types import Client
from quota.engine.views import ClientState
from quota.facts import Span
from quota.models import UsageRollup
from quota.today import Spent

_NOBODY: Final = ("",)
"""Asked for instead of all accounts."""


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """`today` is this UTC day by the ledger; `state` is None where there is no pool or the engine did not answer."""

    today: Spent
    now_ms: int = 0
    state: ClientState | None = None
    trouble: bool = False


def usage_of_key(key: AccessKey, *, now: datetime) -> KeyUsage:
    """One query for the day, and one look at the engine. Never raises for the engine."""
    today = spent_today(key, now=now)
    pool = key.pool or default_of(list(Pool.objects.order_by("name")))
    if pool is None:
        return KeyUsage(today)
    client = Client(str(key.pk), key.limits(), key.max_concurrency)
    try:
        found = ask(pool.pk, lambda engine: engine.snapshot(str(pool.pk), accounts=_NOBODY, clients=[client]))
    except EngineError:
        return KeyUsage(today, trouble=True)
    return KeyUsage(today, found.now_ms, found.clients[client.id])


def spent_today(key: AccessKey, *, now: datetime) -> Spent:
    """By the rollups."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = UsageRollup.objects.filter(access_key=str(key.pk), span=Span.DAY, starts_at=midnight).order_by()
    sums = rows.aggregate(*(Sum(name, default=0) for name in ("requests", "tokens", "cost_nano")))
    return Spent(*sums.values())
