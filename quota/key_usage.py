"""What an access key has used today and of each of its limits: the engine's books, beside the ledger's day."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts.default_pool import default_of
from accounts.models import AccessKey, Pool
from quota.control import ask
from quota.engine.errors import EngineError
from quota.engine.types import Client
from quota.engine.views import ClientState
from quota.today import Spent, spent_by_key

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
    today = spent_by_key(key.pk, now=now)
    pool = key.pool or default_of(list(Pool.objects.order_by("name")))
    if pool is None:
        return KeyUsage(today)
    client = Client(str(key.pk), key.limits(), key.max_concurrency)
    try:
        found = ask(pool.pk, lambda engine: engine.snapshot(str(pool.pk), accounts=_NOBODY, clients=[client]))
    except EngineError:
        return KeyUsage(today, trouble=True)
    return KeyUsage(today, found.now_ms, found.clients[client.id])
