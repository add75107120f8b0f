"""Who would serve a request, and why nobody else: for people who wonder. Nothing is reserved."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

from accounts.models import ClaudeAccount, Pool
from accounts.money import from_nano
from quota.catalog import group_of
from quota.control import would_lease
from quota.engine.preview import Candidate, Preview
from quota.engine.types import NEVER, Block, Lease, LeaseRequest, Reason, Strategy
from quota.estimate import Policy, estimate
from quota.parsing import instant
from quota.status import anthropic_says

_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as far as the choice depends on it. `affinity` is the session's key, empty for none."""

    model: str
    affinity: str = ""
    input_tokens: int = 0
    max_tokens: int = 0
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standpoint:
    """One account's part in the choice. `until` None: not eligible until a person acts, or eligible."""

    account: uuid.UUID
    name: str
    eligible: bool
    rank: int | None
    reason: str
    detail: str
    until: datetime | None
    load: float
    in_flight: int
    priority: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The choice. `retry_at`: when somebody may be able to serve, where nobody is now."""

    pool: uuid.UUID
    at: datetime
    strategy: Strategy
    model: str
    model_group: str
    tokens: int
    cost: Decimal
    chosen: uuid.UUID | None
    chosen_name: str
    why: str
    by_chance: bool
    session_kept: bool
    session_moved_from: uuid.UUID | None
    retry_at: datetime | None
    candidates: tuple[Standpoint, ...]


def who_would_serve(pool: Pool, wanted: Wanted, *, now: datetime) -> Selection:
    """Ask the engine. Raises its errors."""
    guess = estimate(
        model=wanted.model,
        body_bytes=wanted.input_tokens * _BYTES_PER_TOKEN,
        max_tokens=wanted.max_tokens,
        policy=cast("Policy", pool.estimate_policy),
        on=now.date(),
    )
    request = LeaseRequest(
        pool=str(pool.pk),
        lease_id="",
        model=wanted.model,
        group=group_of(wanted.model),
        tokens=guess.tokens,
        input_tokens=guess.input_tokens,
        cost=guess.cost_nano,
        tried=wanted.tried,
        session=wanted.affinity,
    )
    return told(would_lease(request), request, names=_names(pool))


def told(seen: Preview, request: LeaseRequest, *, names: Mapping[str, str]) -> Selection:
    """The engine's answer in people's words. Pure."""
    lease = seen.answer if isinstance(seen.answer, Lease) else None
    return Selection(
        pool=uuid.UUID(seen.pool),
        at=instant(seen.now_ms),
        strategy=seen.strategy,
        model=request.model,
        model_group=request.group,
        tokens=request.tokens,
        cost=from_nano(request.cost),
        chosen=uuid.UUID(seen.chosen) if lease else None,
        chosen_name=names.get(seen.chosen, ""),
        why=why(seen),
        by_chance=seen.by_chance,
        session_kept=bool(lease and lease.sticky),
        session_moved_from=uuid.UUID(lease.moved_from) if lease and lease.moved_from else None,
        retry_at=None if isinstance(seen.answer, Lease) else _instant(seen.answer.retry_at_ms),
        candidates=tuple(_standpoint(one, names) for one in seen.candidates),
    )


def why(seen: Preview) -> str:
    """One sentence. Pure."""
    eligible = sum(one.rank is not None for one in seen.candidates)
    if not isinstance(seen.answer, Lease):
        return "No account can serve this now."
    chosen = next(one for one in seen.candidates if one.account == seen.chosen)
    if chosen.block:
        return "Every breaker is open; this account is closest to recovery and may be probed early."
    if seen.answer.sticky:
        return "The session's own account, which can serve and is not much fuller than the best one."
    return _by_strategy(seen.strategy, chosen, eligible)


def _by_strategy(strategy: Strategy, chosen: Candidate, eligible: int) -> str:
    among = f"of {eligible} that can serve" if eligible > 1 else "the only one that can serve"
    match strategy:
        case Strategy.LEAST_LOADED:
            return f"Least loaded {among}: its fullest limit is {chosen.load_ppm / 10_000:.1f} % gone."
        case Strategy.PRIORITY:
            return f"First by priority {among}: {chosen.priority}, and the lowest is tried first."
        case Strategy.ROUND_ROBIN:
            return f"Its turn, {among}."
    return f"By chance, {among}; all are equally likely."


def _standpoint(one: Candidate, names: Mapping[str, str]) -> Standpoint:
    block: Block | None = one.block
    return Standpoint(
        account=uuid.UUID(one.account),
        name=names.get(one.account, ""),
        eligible=block is None,
        rank=one.rank,
        reason=block.reason if block else "",
        detail=_detail(block) if block else "",
        until=_instant(block.until_ms) if block else None,
        load=one.load_ppm / 1_000_000,
        in_flight=one.in_flight,
        priority=one.priority,
    )


def _detail(block: Block) -> str:
    if block.reason is Reason.RATE_LIMIT:
        return anthropic_says(block.detail, until_ms=block.until_ms)
    return block.detail


def _instant(ms: int) -> datetime | None:
    return instant(ms) if 0 < ms < NEVER else None


def _names(pool: Pool) -> Mapping[str, str]:
    rows: Iterable[tuple[uuid.UUID, str]] = ClaudeAccount.objects.filter(pool=pool).values_list("pk", "name")
    return {str(pk): name for pk, name in rows}
