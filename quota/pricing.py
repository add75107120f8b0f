"""What an answer costs, in integer nano-dollars, from a dated table. Pure.

One dollar per million tokens is 1,000 nano-dollars per token, so every list price is a whole number. What no
list knows is priced at the highest known price and says so; it is never free.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from quota.catalog import NAMES_REMEMBERED, undated
from quota.records import TokenUsage

NANO_PER_USD: Final = 1_000_000_000
_NANO_PER_TOKEN: Final = 1_000
"""Of one dollar per million tokens."""
_WEB_SEARCH_NANO: Final = NANO_PER_USD * 10 // 1_000
_ALWAYS: Final = date.min


class Price(msgspec.Struct, frozen=True):
    """Nano-dollars, and whether the list had this model; if not, it is the highest price known."""

    nano: int
    known: bool

    @property
    def usd(self) -> Decimal:
        return Decimal(self.nano) / NANO_PER_USD


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars per token of each kind."""

    input: int
    output: int
    cache_write_5m: int
    cache_write_1h: int
    cache_read: int


@dataclass(frozen=True, slots=True)
class Listing:
    """One model's prices from a day on. Above `step` prompt tokens (cache included) `beyond` holds."""

    since: date
    rates: Rates
    step: int | None = None
    beyond: Rates | None = None
    fast: bool = False
    """Fast mode is offered, at twice the price."""
    geo: bool = True
    """`inference_geo: us` costs a tenth more (models before 4.6 do not know it)."""

    def rates_for(self, usage: TokenUsage) -> Rates:
        if self.beyond is None or self.step is None:
            return self.rates
        return self.beyond if usage.prompt > self.step else self.rates


def price(
    *, model: str, usage: TokenUsage, on: date, speed: str = "standard", geo: str = "", batch: bool = False
) -> Price:
    """Price one answer on a day. Fractions of a nano-dollar round up.

    Fast mode has no batch discount. Where a model does not list it, it is priced double, as not known.
    """
    listing = _listing(undated(model), on)
    fast = speed == "fast"
    rates = listing.rates_for(usage) if listing else _highest(on)
    nano = _tokens_cost(rates, usage) * (2 if fast else 1)
    if geo == "us" and (listing is None or listing.geo):
        nano = _ceil_div(nano * 11, 10)
    if batch and not fast:
        nano = _ceil_div(nano, 2)
    known = listing is not None and (listing.fast or not fast)
    return Price(nano + usage.web_searches * _WEB_SEARCH_NANO, known)


def known_models(on: date) -> tuple[str, ...]:
    """List the models that have a price on that day."""
    return tuple(model for model in LIST if _listing(model, on))


@lru_cache(maxsize=NAMES_REMEMBERED)
def _listing(model: str, on: date) -> Listing | None:
    rows = LIST.get(model, ())
    # A model seen before its first listing (a preview) costs what it was announced at.
    in_force = [row for row in rows if row.since <= on] or list(rows[:1])
    return in_force[-1] if in_force else None


def _tokens_cost(rates: Rates, usage: TokenUsage) -> int:
    return (
        rates.input * usage.input_tokens
        + rates.output * usage.output_tokens
        + rates.cache_write_5m * usage.cache_write_5m_tokens
        + rates.cache_write_1h * usage.cache_write_1h_tokens
        + rates.cache_read * usage.cache_read_tokens
    )


def _highest(on: date) -> Rates:
    """Give the highest price of each kind that anything has on that day."""
    return Rates(*(max(kind) for kind in zip(*map(astuple, _all_rates(on)), strict=True)))


def _all_rates(on: date) -> Iterable[Rates]:
    for model in LIST:
        listing = _listing(model, on)
        if listing:
            yield listing.rates
            if listing.beyond:
                yield listing.beyond


def _ceil_div(amount: int, by: int) -> int:
    return -(-amount // by)


def _usd(*per_million: str) -> Rates:
    """Read dollars per million tokens: input, output, 5-minute write, 1-hour write, cache read."""
    return Rates(*(int(Decimal(dollars) * _NANO_PER_TOKEN) for dollars in per_million))


_FABLE_5: Final = (Listing(_ALWAYS, _usd("10", "50", "12.50", "20", "1.00")),)
_FABLE_5_1: Final = (Listing(_ALWAYS, _usd("10", "50", "12.50", "20", "0.25")),)
_FABLE_5_2: Final = (Listing(date(2026, 11, 9), _usd("8", "40", "10", "16", "0.20")),)
_OPUS: Final = _usd("5", "25", "6.25", "10", "0.50")
_SONNET_4: Final = _usd("3", "15", "3.75", "6", "0.30")

LIST: Final[Mapping[str, tuple[Listing, ...]]] = {
    "claude-fable-5-2": _FABLE_5_2,
    "claude-mythos-5-2": _FABLE_5_2,
    "claude-fable-5-1": _FABLE_5_1,
    "claude-mythos-5-1": _FABLE_5_1,
    "claude-fable-5": _FABLE_5,
    "claude-mythos-5": _FABLE_5,
    "claude-opus-5-5": (Listing(_ALWAYS, _usd("4", "20", "5", "8", "0.20"), fast=True),),
    "claude-opus-5": (Listing(_ALWAYS, _OPUS, fast=True),),
    "claude-opus-4-8": (Listing(_ALWAYS, _OPUS, fast=True),),
    "claude-opus-4-7": (Listing(_ALWAYS, _OPUS),),
    "claude-opus-4-6": (Listing(_ALWAYS, _OPUS),),
    "claude-opus-4-5": (Listing(_ALWAYS, _OPUS, geo=False),),
    "claude-sonnet-5-5": (
        Listing(_ALWAYS, _usd("2", "10", "2.50", "4", "0.20")),
        Listing(date(2026, 10, 7), _usd("2", "10", "2.50", "4", "0.10")),
    ),
    "claude-sonnet-5": (Listing(_ALWAYS, _usd("2", "10", "2.50", "4", "0.20")),),
    "claude-sonnet-4-6": (Listing(_ALWAYS, _SONNET_4),),
    "claude-sonnet-4-5": (Listing(_ALWAYS, _SONNET_4, geo=False),),
    "claude-haiku-5-5": (
        Listing(
            _ALWAYS,
            _usd("0.10", "0.50", "0.125", "0.20", "0.01"),
            step=100_000,
            beyond=_usd("0.50", "2.50", "0.625", "1.00", "0.05"),
        ),
    ),
    "claude-haiku-4-5": (Listing(_ALWAYS, _usd("1", "5", "1.25", "2", "0.10"), geo=False),),
}
"""Oldest first within a model. USD per million tokens as of 2026-11-22."""
