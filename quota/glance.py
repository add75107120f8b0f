"""Everything the dashboard shows of pools and accounts, from one board."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts.models import ClaudeAccount, Pool
from quota.board import Board, Card, board_of
from quota.engine.types import Metric
from quota.last_hour import Minute, hourly_rates
from quota.outlook import pool_line

_READ: Final = (
    *("pool", "name", "enabled", "disabled_reason", "max_concurrency"),
    *("api_key", "key_hint", "key_fingerprint"),
)
CARDS_MAX: Final = 12
"""Accounts shown of a pool: who needs attention first, then the fullest."""


@dataclass(frozen=True, slots=True)
class AccountCard:
    """One account on the dashboard."""

    account: ClaudeAccount
    card: Card
    now_ms: int


@dataclass(frozen=True, slots=True)
class PoolOverview:
    """One pool in a line and its accounts; `hidden` of them are not among the cards."""

    pool: Pool
    line: str
    healthy: bool
    total: int
    cards: tuple[AccountCard, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class Overview:
    """`trouble` says what to tell when the engine did not answer."""

    pools: tuple[PoolOverview, ...]
    trouble: str = ""


def overview(pools: Sequence[Pool], *, now: datetime) -> Overview:
    """Two queries and one look at the engine for each pool."""
    rows = ClaudeAccount.objects.filter(pool__in=pools).order_by()  # the pools are here already
    accounts = list(rows.only(*_READ))
    board, rates = board_of(accounts), hourly_rates(now=now)
    of_pool: dict[uuid.UUID, list[ClaudeAccount]] = {pool.pk: [] for pool in pools}
    for account in accounts:
        of_pool[account.pool_id].append(account)
    return Overview(tuple(_pool(pool, of_pool[pool.pk], board, rates) for pool in pools), board.trouble)


def _pool(
    pool: Pool, accounts: Sequence[ClaudeAccount], board: Board, rates: Mapping[uuid.UUID, Minute]
) -> PoolOverview:
    snapshot = board.pools.get(pool.pk)
    now_ms = snapshot.now_ms if snapshot else 0
    cards = [AccountCard(account, board.cards[account.pk], now_ms) for account in accounts]
    shown = sorted(cards, key=_attention)[:CARDS_MAX]
    enabled = [one for one in cards if one.account.enabled]
    serving = sum(one.card.status.serves for one in enabled)
    line = _line(enabled, serving=serving, used=rates.get(pool.pk), now_ms=now_ms) if snapshot else _unknown(accounts)
    return PoolOverview(pool, line, serving > 0, len(cards), tuple(shown), len(cards) - len(shown))


def _line(enabled: Sequence[AccountCard], *, serving: int, used: Minute | None, now_ms: int) -> str:
    spent = used or Minute(datetime.min)  # noqa: DTZ901 - never shown
    rates = {Metric.REQUESTS: spent.requests, Metric.TOKENS: spent.tokens, Metric.COST: spent.cost_nano}
    states = [one.card.state for one in enabled if one.card.state]
    return pool_line(states, serving=serving, used=rates, now_ms=now_ms)


def _unknown(accounts: Sequence[ClaudeAccount]) -> str:
    return "nobody knows how its accounts stand" if accounts else "no accounts yet"


def _attention(one: AccountCard) -> tuple[bool, bool, int, str]:
    """What needs a person first; the disabled last."""
    load = one.card.state.load_ppm if one.card.state else 0
    return (not one.account.enabled, one.card.status.serves, -load, one.account.name)
