"""Alice and Bob as the engine and the database see them, for tests of what deserves an alert."""

from dataclasses import replace
from typing import Any

from quota.alerting.values import AccountFacts, Finding, Scene
from quota.engine.types import BreakerMode, BreakerState, Limit, Metric, PoolSettings, Window
from quota.engine.views import AccountState, LimitState, PoolSnapshot

NOON_MS = 1_795_348_800_000
RESETS_MS = NOON_MS + 43_200_000
DAY = Limit(Metric.TOKENS, Window.DAY, 1_000)
NAMES = {"a": AccountFacts("alice"), "b": AccountFacts("bob")}


def state(
    id_: str = "a", *, used: int = 0, limit: Limit | None = DAY, reserved: int = 0, **columns: Any
) -> AccountState:
    """An account that serves, with one limit of which so much is gone."""
    limits = (LimitState(limit, used=used, reserved=reserved, resets_ms=RESETS_MS),) if limit else ()
    calm: dict[str, Any] = dict.fromkeys(AccountState.__dataclass_fields__, 0)
    words = {"organization": "", "breaker_why": "", "holds": (), "enabled": True, "probing": False}
    modes = {"breaker": BreakerState.CLOSED, "mode": BreakerMode.AUTO}
    return AccountState(**{**calm, **words, **modes, "id": id_, "limits": limits, **columns})


def snapshot(*states: AccountState, **columns: Any) -> PoolSnapshot:
    return PoolSnapshot("pool", NOON_MS, PoolSettings(1), 0, {one.id: one for one in states}, **columns)


def scene(*ids: str, **columns: Any) -> Scene:
    accounts = {id_: NAMES[id_] for id_ in ids or ("a",)}
    return replace(Scene("pool", "default", accounts=accounts), **columns)


def shown(found: list[Finding]) -> list[tuple[str, str | None]]:
    """Kind and level of each."""
    return [(one.cause.kind.value, one.level.value if one.level else None) for one in found]
