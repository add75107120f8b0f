"""What is wrong in a pool, or about to be: from the engine's snapshot and what the database knows. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from quota.alerting.drift import drifts, rate_limits
from quota.alerting.values import AccountFacts, Cause, CauseKind, Finding, Level, Scene, Subject, Thresholds
from quota.alerting.wording import limit_name, percent, quantity, until, utc
from quota.engine.types import WHOLE_POOL, BreakerMode, BreakerState, Limit, Scope, Window
from quota.engine.views import AccountState, HoldState, LimitState, PoolSnapshot

INVALID_KEY: Final = "invalid key"
"""How a `disabled_reason` begins where Anthropic refused the key."""
EASED_PERCENT: Final = 5
"""An alert of a limit ends only so far below the warning: what is reserved comes and goes."""
LONG_MS: Final = 600_000
_ROUTINE: Final = frozenset({"throttle", "ramp", "used_up", "model", "retry_after", "common_cause"})
"""Why an account pauses in the normal course of a day."""
_REJECTED: Final = "invalid_key"
"""The engine's hold for a refused key; the database says the same, and why."""
_REASONS: Final = {
    "spend_limit": "its spend limit at Anthropic is reached: raise it there, or wait",
    "billing": "its credit at Anthropic is used up: pay, or wait",
    "on_hold": "Anthropic put its organization on hold: write to Anthropic",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A limit and whose it is. `what` tells limits of one subject apart that are called the same."""

    subject: Subject
    id: str
    name: str
    state: LimitState
    stops: bool = True
    what: str = ""


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose limits are looked at."""

    subject: Subject
    id: str
    name: str

    def has(self, state: LimitState, *, stops: bool = True, what: str = "") -> Watched:
        return Watched(self.subject, self.id, self.name, state, stops, what)


def findings(scene: Scene, snapshot: PoolSnapshot) -> list[Finding]:
    """Everything that deserves an alert now, or keeps one open."""
    limits = (_limit(one, scene.thresholds) for one in watched_limits(scene, snapshot))
    known = (*_accounts(scene, snapshot), *_serving(scene, snapshot), *drifts(scene), *rate_limits(scene, snapshot))
    return [*filter(None, limits), *known]


def watched_limits(scene: Scene, snapshot: PoolSnapshot) -> Iterator[Watched]:
    """Every limit of the enabled accounts, of the access keys and of the pool as a whole."""
    for id_, facts in scene.accounts.items():
        state = snapshot.accounts.get(id_)
        if state is not None and facts.enabled:
            owner = _Owner(Subject.ACCOUNT, id_, facts.name)
            yield from map(owner.has, state.limits)
            yield from (owner.has(spent, stops=False) for spent in _budget(facts, state))
    for id_, key in scene.keys.items():
        owner = _Owner(Subject.ACCESS_KEY, id_, key.name)
        for used in snapshot.clients[id_].limits if id_ in snapshot.clients else ():
            yield owner.has(used, stops=used.limit not in key.budgets)
    yield from _pool_limits(scene, snapshot)


def serves(state: AccountState, *, now_ms: int) -> bool:
    """Whether an account takes work, but for what passes within a minute (its limit per minute, calls under way)."""
    if not state.enabled or state.mode is BreakerMode.FORCED_OPEN:
        return False
    if state.mode is BreakerMode.AUTO and state.breaker is not BreakerState.CLOSED:
        return False
    if any(_whole(hold) and hold.until_ms > now_ms for hold in state.holds):
        return False
    longer = (one for one in state.limits if one.limit.window is not Window.MINUTE)
    return all(one.used + one.reserved < one.limit.amount for one in longer)


def redis_away(pool: str, name: str, *, serves: bool) -> Finding:
    """What a worker that Redis does not answer says of a pool; `serves`: whether the pool goes on without it."""
    then = (
        "Each process serves from its own share of what was left of the limits; that is booked when Redis is back."
        if serves
        else "Requests are refused until it is back, as the pool's settings say."
    )
    cause = Cause(CauseKind.REDIS_AWAY, Subject.POOL, pool)
    text = f"A worker gets no answer from Redis. If the web processes get none either: {then}"
    return Finding(cause, Level.CRITICAL, name, f"{name}: Redis does not answer", text)


def _accounts(scene: Scene, snapshot: PoolSnapshot) -> Iterator[Finding]:
    for id_, facts in scene.accounts.items():
        yield from _invalid(id_, facts)
        state = snapshot.accounts.get(id_)
        if state is not None and facts.enabled:
            owner = _Owner(Subject.ACCOUNT, id_, facts.name)
            yield from _breaker(owner, state)
            yield from _holds(owner, state, now_ms=snapshot.now_ms)


def _budget(facts: AccountFacts, state: AccountState) -> tuple[LimitState, ...]:
    if facts.budget is None:
        return ()
    return (LimitState(facts.budget, used=state.month_cost, reserved=state.reserved_cost, resets_ms=0),)


def _pool_limits(scene: Scene, snapshot: PoolSnapshot) -> Iterator[Watched]:
    """What all accounts together have left, where each of them (two or more) has such a limit; and the budget."""
    owner = _Owner(Subject.POOL, scene.pool, scene.name)
    enabled = [state for state in snapshot.accounts.values() if state.enabled]
    yield from (owner.has(state, what="all its accounts' ") for state in _together(enabled))
    for spent in snapshot.clients[WHOLE_POOL].limits if WHOLE_POOL in snapshot.clients else ():
        yield owner.has(spent, stops=scene.budget_stops, what="its budget, ")


def _together(states: list[AccountState]) -> Iterator[LimitState]:
    if len(states) < 2:  # noqa: PLR2004 - one account's limits have alerts of their own
        return
    tables = [{(one.limit.metric, one.limit.window): one for one in state.limits} for state in states]
    for metric, window in tables[0]:
        if all((metric, window) in table for table in tables):
            same = [table[metric, window] for table in tables]
            limit = Limit(metric, window, sum(one.limit.amount for one in same))
            used, reserved = sum(one.used for one in same), sum(one.reserved for one in same)
            yield LimitState(limit, used=used, reserved=reserved, resets_ms=max(one.resets_ms for one in same))


def _limit(one: Watched, thresholds: Thresholds) -> Finding | None:
    limit, used = one.state.limit, one.state.used + one.state.reserved
    level = _level(used, limit.amount, thresholds)
    if level is None and used * 100 < limit.amount * (thresholds.warning - EASED_PERCENT):
        return None
    return Finding(
        Cause(CauseKind.LIMIT, one.subject, one.id, one.what + limit_name(limit)),
        level,
        name=one.name,
        title=_limit_title(one.name, used, limit, level, what=one.what),
        text=_limit_text(one.state, used, stops=one.stops),
        limit=limit,
        used=used,
        until_ms=one.state.resets_ms,
    )


def _level(used: int, amount: int, thresholds: Thresholds) -> Level | None:
    steps = (
        (thresholds.exhausted, Level.EXHAUSTED),
        (thresholds.critical, Level.CRITICAL),
        (thresholds.warning, Level.WARNING),
    )
    return next((level for share, level in steps if used * 100 >= amount * share), None)


def _limit_title(name: str, used: int, limit: Limit, level: Level | None, *, what: str) -> str:
    if level is Level.EXHAUSTED:
        return f"{name}: {what}{limit_name(limit)} used up"
    return f"{name}: {percent(used, limit.amount)} % of {what}{limit_name(limit)} used"


def _limit_text(state: LimitState, used: int, *, stops: bool) -> str:
    metric, amount = state.limit.metric, state.limit.amount
    held = f", {quantity(state.reserved, metric)} of it reserved for requests under way" if state.reserved else ""
    resets = f" Resets {utc(state.resets_ms)}." if state.resets_ms and state.limit.window is not Window.MINUTE else ""
    then = "" if stops else " It only alerts: requests are served all the same."
    return f"{quantity(used, metric)} of {quantity(amount, metric)}{held}.{resets}{then}"


def _breaker(owner: _Owner, state: AccountState) -> Iterator[Finding]:
    by_hand = state.mode is BreakerMode.FORCED_OPEN
    if not by_hand and (state.mode is not BreakerMode.AUTO or state.breaker is BreakerState.CLOSED):
        return
    why = f"{state.breaker_why}. " if state.breaker_why else ""
    then = "A person holds it open." if by_hand else _retrial(state)
    cause = Cause(CauseKind.BREAKER, owner.subject, owner.id)
    title = f"{owner.name}: circuit open"
    yield Finding(cause, Level.WARNING, owner.name, title, f"{why}{then}", until_ms=state.open_until_ms)


def _retrial(state: AccountState) -> str:
    if state.breaker is BreakerState.HALF_OPEN:
        return "One request at a time finds out whether it answers again."
    return f"Tried again from {utc(state.open_until_ms)} on, back by itself if that succeeds."


def _holds(owner: _Owner, state: AccountState, *, now_ms: int) -> Iterator[Finding]:
    for hold in state.holds:
        if not _whole(hold) or hold.why == _REJECTED:
            continue
        whole_organization = hold.scope is Scope.ORGANIZATION
        subject = Subject.ORGANIZATION if whole_organization else owner.subject
        cause = Cause(CauseKind.HOLD, subject, state.organization if whole_organization else owner.id, hold.why)
        name = f"{owner.name} and its whole organization" if whole_organization else owner.name
        why = _REASONS.get(hold.why, hold.why.replace("_", " "))
        level = _hold_level(hold, now_ms=now_ms)
        yield Finding(cause, level, name, f"{name}: out", f"Out {until(hold.until_ms)}: {why}.", until_ms=hold.until_ms)


def _whole(hold: HoldState) -> bool:
    return not hold.group and not hold.model


def _hold_level(hold: HoldState, *, now_ms: int) -> Level | None:
    if hold.why in {"spend_limit", "billing"}:
        return Level.EXHAUSTED
    if hold.why not in _ROUTINE:
        return Level.CRITICAL
    return Level.WARNING if hold.until_ms - now_ms >= LONG_MS else None


def _invalid(id_: str, facts: AccountFacts) -> Iterator[Finding]:
    if facts.enabled or not facts.disabled_reason.startswith(INVALID_KEY):
        return
    said = facts.disabled_reason.removeprefix(INVALID_KEY).lstrip(": ")
    text = "Anthropic refuses its key; it serves nobody until a valid one is entered" + (f" ({said})." if said else ".")
    cause = Cause(CauseKind.INVALID_KEY, Subject.ACCOUNT, id_)
    yield Finding(cause, Level.CRITICAL, facts.name, f"{facts.name}: invalid key", text)


def _serving(scene: Scene, snapshot: PoolSnapshot) -> Iterator[Finding]:
    """Accounts that a person switched off are not missed in a pool that is low, but in one that is empty."""
    serving = sum(serves(state, now_ms=snapshot.now_ms) for state in snapshot.accounts.values())
    meant = [one for one in scene.accounts.values() if one.enabled or one.disabled_reason.startswith(INVALID_KEY)]
    if scene.accounts and not serving:
        cause = Cause(CauseKind.POOL_EMPTY, Subject.POOL, scene.pool)
        text = f"None of its {len(scene.accounts)} accounts can serve; requests are refused."
        yield Finding(cause, Level.EXHAUSTED, scene.name, f"{scene.name}: no account serves", text)
    if serving < min(scene.thresholds.serving, len(meant)):
        cause = Cause(CauseKind.POOL_LOW, Subject.POOL, scene.pool)
        text = f"{serving} of {len(meant)} accounts serve; {scene.thresholds.serving} ought to."
        level = Level.WARNING if serving else None
        yield Finding(cause, level, scene.name, f"{scene.name}: few accounts serve", text)
