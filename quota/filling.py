"""A database as large as a busy installation's, made up: for measuring pages, never for a pool in use."""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeVar

from django.db import models, transaction

from accounts.models import ClaudeAccount, Pool
from quota.errors import QuotaError
from quota.facts import AMOUNTS, Amounts, AttemptFacts, AttemptState, RollupKey, SessionKey, rollups_of, sessions_of
from quota.models import Activity, Attempt, SessionRollup, UsageRollup

POOL: Final = "benchmark"
DAYS: Final = 30
_BATCH: Final = 2_000
_SESSIONS: Final = 5_000
_MODELS: Final = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-4-5")
_FAULTS: Final = (("overloaded", "overloaded", 529), ("failure", "server_error", 500), ("failure", "timeout", None))
_FAILING: Final = 0.02
Key = TypeVar("Key", RollupKey, SessionKey)


class NotEmpty(QuotaError):
    """The database holds something that is not made up."""


def refuse_unless_unused() -> None:
    """Raise NotEmpty where there is a ledger, or an account that is not simulated."""
    if Activity.objects.exists() or Attempt.objects.exists():
        raise NotEmpty("There are requests in this database. Fill an empty one: set DATABASE_URL or DATA_DIR.")
    if ClaudeAccount.objects.filter(pool__simulated=False).exists():
        raise NotEmpty("There are real accounts in this database. Fill an empty one: set DATABASE_URL or DATA_DIR.")


def fill(*, accounts: int, activities: int, now: datetime, say: Callable[[int], None] = lambda _: None) -> None:
    """Make that many, with their calls and rollups, spread over 30 days. `say` hears how many there are.

    Raises NotEmpty. The same numbers make the same database, ids aside.
    """
    refuse_unless_unused()
    dice = random.Random(1)  # noqa: S311 - hides nothing
    made = _accounts(accounts)
    hours: dict[RollupKey, Amounts] = {}
    days: dict[SessionKey, Amounts] = {}
    calls = (_call(number, dice.choice(made), dice, now) for number in range(activities))
    done = 0
    while batch := list(islice(calls, _BATCH)):
        with transaction.atomic():
            Activity.objects.bulk_create([_activity(facts, dice) for facts in batch])
            Attempt.objects.bulk_create([_attempt(facts) for facts in batch])
        for facts in batch:
            _add(hours, rollups_of(facts))
            _add(days, sessions_of(facts))
        done += len(batch)
        say(done)
    _write(UsageRollup, hours)
    _write(SessionRollup, days)


def _accounts(count: int) -> Sequence[ClaudeAccount]:
    pool = Pool.objects.create(name=POOL, simulated=True)
    rows = [
        ClaudeAccount(
            pool=pool,
            name=f"account-{number:04}",
            api_key=f"sk-ant-api03-made-up-{number:04}-{'x' * 40}",
            limit_requests_minute=600,
            limit_cost_day=Decimal(50),
            organization_id=f"org-{number // 2:04}",
        )
        for number in range(count)
    ]
    return ClaudeAccount.objects.bulk_create(rows)


def _call(number: int, account: ClaudeAccount, dice: random.Random, now: datetime) -> AttemptFacts:
    granted = now - timedelta(seconds=dice.random() * DAYS * 86_400)
    verdict, outcome, status = dice.choice(_FAULTS) if dice.random() < _FAILING else ("success", "success", 200)
    tokens = dice.randrange(100, 20_000)
    return AttemptFacts(
        lease_id=f"made-up-{number}.1",
        pool_id=account.pool_id,
        account_id=account.pk,
        state=AttemptState.SETTLED,
        entry=f"{number + 1}-0",
        usage_day=granted.date(),
        granted_at=granted,
        activity_id=uuid.UUID(int=dice.getrandbits(128)),
        session=f"session-{dice.randrange(_SESSIONS)}",
        number=1,
        model=dice.choice(_MODELS),
        tokens=tokens,
        input_tokens=tokens * 4 // 5,
        output_tokens=tokens - tokens * 4 // 5,
        cost_nano=tokens * 9_000,
        verdict=verdict,
        outcome=outcome,
        status=status,
        request_id=f"req_{number}",
        started_at=granted,
        ended_at=granted + timedelta(seconds=2),
    )


def _attempt(facts: AttemptFacts) -> Attempt:
    return Attempt(**{column: getattr(facts, column) for column in AttemptFacts.__slots__})


def _activity(facts: AttemptFacts, dice: random.Random) -> Activity:
    failed = facts.verdict != "success"
    return Activity(
        id=facts.activity_id,
        pool_id=facts.pool_id,
        account_id=facts.account_id,
        status="failed" if failed else "completed",
        source="gateway",
        model=facts.model,
        served_model=facts.model,
        session=facts.session,
        stream=dice.random() < 0.5,  # noqa: PLR2004 - a coin
        attempts=1,
        input_tokens=facts.input_tokens,
        output_tokens=facts.output_tokens,
        cost_nano=facts.cost_nano,
        decision=[f"attempt 1: account {facts.account_id} (least_loaded), {facts.outcome}, 2000 ms, the end"],
        request_id=facts.request_id,
        error_type="api_error" if failed else "",
        started_at=facts.granted_at,
        ended_at=facts.ended_at,
        seen_at=facts.granted_at,
        stage=1 << 30,
        stage_entry=facts.entry,
    )


def _add(total: dict[Key, Amounts], parts: Mapping[Key, Amounts]) -> None:
    for key, amounts in parts.items():
        before = total.get(key)
        total[key] = tuple(map(sum, zip(before, amounts, strict=True))) if before else amounts


def _write(table: type[models.Model], sums: Mapping[Key, Amounts]) -> None:
    rows = iter(_rows(table, sums))
    while batch := list(islice(rows, _BATCH)):
        table._default_manager.bulk_create(batch)  # noqa: SLF001 - Django's name for it


def _rows(table: type[models.Model], sums: Mapping[Key, Amounts]) -> Iterator[Any]:
    for key, amounts in sums.items():
        named = {column: getattr(key, column) for column in type(key).__slots__}
        yield table(**named, **dict(zip(AMOUNTS, amounts, strict=True)))
