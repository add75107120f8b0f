"""How accounts fare right now: the engine's snapshot beside what the database says of the same accounts."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import ClaudeAccount
from accounts.money import from_nano
from quota.alert_scenes import scene_of
from quota.control import look
from quota.engine.errors import UnknownAccount
from quota.engine.said import Dimension
from quota.engine.types import NEVER, BreakerMode, BreakerState, Metric, Window
from quota.engine.views import AccountState, HoldState, LearnedState, LimitState, PoolSnapshot
from quota.facts import FAILED_VERDICTS, Span
from quota.forecasts import Outlook, outlooks, read_history
from quota.models import Attempt, UsageRollup
from quota.parsing import instant
from quota.status import Status, anthropic_says, remaining_of, status_of

Amount = int | Decimal
"""Requests, tokens, or US dollars."""
LAST_ERROR_WITHIN = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class LimitNow:
    """One limit: what is gone of it, and when it will be whole again."""

    metric: Metric
    window: Window
    amount: Amount
    used: Amount
    reserved: Amount
    remaining: Amount
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class HoldNow:
    """Something that keeps an account from some or all work; `until` None: until a person acts."""

    scope: str
    why: str
    until: datetime | None
    model_group: str
    model: str


@dataclass(frozen=True, slots=True)
class RateLimitNow:
    """One of Anthropic's own limits, by its latest answer and what was taken since. It is the organization's."""

    model_group: str
    counts: Dimension
    limit: int
    remaining: int
    full_at: datetime
    said_at: datetime
    summary: str


@dataclass(frozen=True, slots=True)
class BreakerNow:
    """The breaker; `mode` is what people said, which wins over `state`."""

    state: BreakerState
    mode: BreakerMode
    failures: int
    threshold: int
    open_until: datetime | None
    back_in_seconds: int | None
    why: str
    probing: bool


@dataclass(frozen=True, slots=True)
class AccountNow:
    """One account at one instant. `until` None: no time is known, or a person must act."""

    account: uuid.UUID
    name: str
    organization_id: str
    standing: str
    serving: bool
    summary: str
    until: datetime | None
    back_in_seconds: int | None
    breaker: BreakerNow
    holds: tuple[HoldNow, ...]
    limits: tuple[LimitNow, ...]
    rate_limits: tuple[RateLimitNow, ...]
    in_flight: int
    max_concurrency: int | None
    load: float
    last_used_at: datetime | None
    last_error: Attempt | None = None
    """This and the forecasts: only where one account is asked for."""
    forecasts: tuple[Outlook, ...] = ()


def accounts_now(snapshot: PoolSnapshot, accounts: Iterable[ClaudeAccount]) -> tuple[AccountNow, ...]:
    """Those of the accounts that the engine knows, in their order."""
    seen = snapshot.accounts
    return tuple(_now(seen[str(one.pk)], one, snapshot) for one in accounts if str(one.pk) in seen)


def health_of(account: ClaudeAccount) -> AccountNow:
    """One account, with its last error and its forecasts. Raises the engine's errors."""
    snapshot = look(account.pool_id, accounts=[str(account.pk)])
    found = accounts_now(snapshot, [account])
    if not found:
        raise UnknownAccount(str(account.pool_id), str(account.pk))
    history = read_history(account.pool_id, now=instant(snapshot.now_ms), account=account.pk)
    ahead = outlooks(scene_of(account), snapshot, history)
    return replace(found[0], last_error=last_error(account), forecasts=ahead)


def standing_of(state: AccountState, account: ClaudeAccount, *, now_ms: int) -> Status:
    """What people are told of an account, by the engine's facts and the database's."""
    return status_of(
        state,
        enabled=account.enabled,
        readable=account.has_readable_key,
        now_ms=now_ms,
        disabled_for=account.disabled_reason,
        cap=account.max_concurrency,
    )


def last_error(account: ClaudeAccount) -> Attempt | None:
    """The latest call that counted against the breaker, by way of the rollups: the log itself may be millions long."""
    since = timezone.now() - LAST_ERROR_WITHIN
    failing = UsageRollup.objects.filter(account=account, span=Span.HOUR, starts_at__gte=since, failures__gt=0)
    hour = failing.order_by("-starts_at").values_list("starts_at", flat=True).first()
    if hour is None:
        return None
    calls = Attempt.objects.filter(pool=account.pool_id, account=account, verdict__in=FAILED_VERDICTS)
    within = calls.filter(granted_at__gte=hour, granted_at__lt=hour + timedelta(hours=1))
    return within.order_by("-granted_at").first()


def limit_now(state: LimitState) -> LimitNow:
    limit, gone = state.limit, state.used + state.reserved
    amounts = (limit.amount, state.used, state.reserved, max(0, limit.amount - gone))
    amount, used, reserved, remaining = (amount_of(limit.metric, number) for number in amounts)
    return LimitNow(limit.metric, limit.window, amount, used, reserved, remaining, instant(state.resets_ms))


def amount_of(metric: Metric, number: int) -> Amount:
    """The engine's number in people's units."""
    return from_nano(number) if metric is Metric.COST else number


def _now(state: AccountState, account: ClaudeAccount, snapshot: PoolSnapshot) -> AccountNow:
    status = standing_of(state, account, now_ms=snapshot.now_ms)
    until, back_in = _until(status.until_ms, now_ms=snapshot.now_ms)
    return AccountNow(
        account=account.pk,
        name=account.name,
        organization_id=state.organization,
        standing=status.word,
        serving=status.serves,
        summary=f"{status.text} ({status.why})" if status.why else status.text,
        until=until,
        back_in_seconds=back_in,
        breaker=_breaker(state, snapshot),
        holds=tuple(_hold(hold) for hold in state.holds),
        limits=tuple(limit_now(one) for one in state.limits),
        rate_limits=tuple(_rate_limit(one) for one in state.learned),
        in_flight=state.in_flight,
        max_concurrency=account.max_concurrency,
        load=state.load_ppm / 1_000_000,
        last_used_at=instant(state.last_used_ms) if state.last_used_ms else None,
    )


def _breaker(state: AccountState, snapshot: PoolSnapshot) -> BreakerNow:
    is_open = state.breaker is BreakerState.OPEN
    until, back_in = _until(state.open_until_ms if is_open else 0, now_ms=snapshot.now_ms)
    return BreakerNow(
        state=state.breaker,
        mode=state.mode,
        failures=state.failures,
        threshold=snapshot.settings.breaker.threshold,
        open_until=until,
        back_in_seconds=back_in,
        why=state.breaker_why,
        probing=state.probing,
    )


def _rate_limit(one: LearnedState) -> RateLimitNow:
    return RateLimitNow(
        model_group=one.group,
        counts=one.dimension,
        limit=one.limit,
        remaining=one.remaining,
        full_at=instant(one.full_at_ms),
        said_at=instant(one.at_ms),
        summary=anthropic_says(remaining_of(one), until_ms=one.back_at_ms),
    )


def _hold(hold: HoldState) -> HoldNow:
    until = instant(hold.until_ms) if hold.until_ms < NEVER else None
    return HoldNow(hold.scope, hold.why, until, hold.group, hold.model)


def _until(until_ms: int, *, now_ms: int) -> tuple[datetime | None, int | None]:
    if not 0 < until_ms < NEVER:
        return None, None
    return instant(until_ms), max(0, -(-(until_ms - now_ms) // 1_000))
