"""The part of a scrape that the database tells: what was charged, and what things are called."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Sum

from accounts.models import ClaudeAccount, Pool
from accounts.money import from_nano
from quota.facts import TOKEN_KINDS, Span
from quota.metrics.catalogue import CALLS, COST, SET_ASIDE, TOKENS, UNPRICED
from quota.metrics.sheet import Sheet
from quota.models import SetAside, UsageRollup

_KINDS: Final = {name: name.removesuffix("_tokens") for name in TOKEN_KINDS if name.endswith("_tokens")}
"""Columns and what their tokens are called: input, output, cache_read, cache_write_5m, cache_write_1h."""
ESTIMATED: Final = "estimated"
_SUMS: Final = ("requests", "unpriced", "tokens", "cost_nano", *_KINDS)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Id → name of all pools and accounts, the pools' ids, and sums over all time per pool and account."""

    names: Mapping[str, str]
    pools: tuple[str, ...]
    charged: tuple[dict[str, Any], ...]
    set_aside: int


def read() -> Ledger:
    """Ask the database. Raises Django's database errors."""
    pools, accounts = (
        {str(pk): name for pk, name in model.objects.values_list("pk", "name")} for model in (Pool, ClaudeAccount)
    )
    days = UsageRollup.objects.filter(span=Span.DAY).order_by()
    sums: Iterable[Any] = days.values("pool_id", "account_id").annotate(**{f"sum_{one}": Sum(one) for one in _SUMS})
    return Ledger(pools | accounts, tuple(sorted(pools)), tuple(sums), SetAside.objects.count())


def put(sheet: Sheet, ledger: Ledger) -> None:
    """Write it down. What deleted accounts cost is summed up under one name."""
    sheet.put(SET_ASIDE, value=ledger.set_aside)
    for row in ledger.charged:
        where = tuple(ledger.names.get(str(row[key]), "gone") for key in ("pool_id", "account_id"))
        _add(sheet, COST, where, from_nano(row["sum_cost_nano"]))
        _add(sheet, CALLS, where, row["sum_requests"])
        _add(sheet, UNPRICED, where, row["sum_unpriced"])
        kinds = {kind: row[f"sum_{column}"] for column, kind in _KINDS.items()}
        for kind, tokens in {**kinds, ESTIMATED: max(0, row["sum_tokens"] - sum(kinds.values()))}.items():
            _add(sheet, TOKENS, (*where, kind), tokens)


def _add(sheet: Sheet, metric: Any, labels: tuple[str, ...], amount: Any) -> None:  # noqa: ANN401 - int or Decimal
    there = sheet.values[metric]
    there[labels] = there.get(labels, 0) + amount
