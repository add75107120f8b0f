"""What one upstream call cost, as far as anybody knows. Pure; money is integer nano-dollars.

# Note [What a move costs]
A prompt's cache lies in one account's workspace. A session that moves writes it again where it comes to: that costs
what the answer paid for the tokens it wrote into the cache, less what reading as many would have cost, at the rates,
speed and place of that answer. How much of it was new since the last turn, and so would have been written anywhere,
nobody tells; so this is an estimate, and rather too high.
"""

from datetime import date, timedelta
from functools import lru_cache, partial
from typing import Final

import msgspec
from msgspec.structs import replace

from gateway.instants import DAY_MS
from gateway.usage import Reading
from quota.pricing import price
from quota.records import AttemptRecord, TokenUsage

_EPOCH: Final = date(1970, 1, 1)


class Bill(msgspec.Struct, frozen=True):
    """Tokens and their price. `known` is False if the model has no price of its own and the highest was taken."""

    usage: TokenUsage = msgspec.field(default_factory=TokenUsage)
    cost_nano: int = 0
    known: bool = True
    estimated_tokens: int = 0
    """Charged beside `usage`, which holds only what was reported."""
    cache_extra_nano: int = 0
    """Of `cost_nano`: paid for writing into the cache instead of reading from it."""


@lru_cache(maxsize=8)
def day_of(days: int) -> date:
    """Give the UTC date of a lease's day (days since 1970-01-01)."""
    return _EPOCH + timedelta(days=days)


def date_of(now_ms: int) -> date:
    """Give the UTC date of an instant."""
    return day_of(now_ms // DAY_MS)


def bill(reading: Reading, *, model: str, on: date, generated_tokens: int = 0) -> Bill:
    """Price what was reported. `generated_tokens` counts if it exceeds the reported output (a stream left early)."""
    usage = reading.tokens
    if generated_tokens > usage.output_tokens:
        usage = replace(usage, output_tokens=generated_tokens)
    priced = partial(price, model=reading.model or model, on=on, speed=reading.speed, geo=reading.geo)
    cost = priced(usage=usage)
    extra = cost.nano - priced(usage=_all_read(usage)).nano if _written(usage) else 0
    return Bill(usage, cost.nano, known=cost.known or not usage.total, cache_extra_nano=max(0, extra))


def _written(usage: TokenUsage) -> int:
    return usage.cache_write_5m_tokens + usage.cache_write_1h_tokens


def _all_read(usage: TokenUsage) -> TokenUsage:
    """Give the same prompt as if the cache had held what was written. See Note [What a move costs]."""
    read = usage.cache_read_tokens + _written(usage)
    return replace(usage, cache_read_tokens=read, cache_write_5m_tokens=0, cache_write_1h_tokens=0)


def estimated(*, tokens: int, cost_nano: int) -> Bill:
    """Charge what was reserved: Anthropic may well have worked on it, and under-counting money has no bound."""
    return Bill(cost_nano=cost_nano, known=not tokens, estimated_tokens=tokens)


def of_record(record: AttemptRecord) -> Bill:
    """Give what an attempt was charged, as it was written down."""
    return Bill(record.usage, record.cost_nano, record.price_known, record.estimated_tokens)


def total(bills: tuple[Bill, ...]) -> Bill:
    """Add up a request's calls."""
    if len(bills) == 1:
        return bills[0]  # nearly all requests
    return Bill(
        usage=sum((one.usage for one in bills), start=TokenUsage()),
        cost_nano=sum(one.cost_nano for one in bills),
        known=all(one.known for one in bills),
        estimated_tokens=sum(one.estimated_tokens for one in bills),
    )
