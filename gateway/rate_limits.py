"""Reading what an answer says of Anthropic's own limits, none of which is taken at its word. Pure.

# Note [When it was true]
A limit of L that fills in a minute and has R left is full again after (L - R) / L minutes. So `reset`, which names
that instant, also tells when Anthropic looked: as much earlier. That is not before the call was sent and not after its
answer was heard, whatever the clocks say.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.instants import DAY_MS, SECOND_MS, TOKEN_STEP, rfc3339_ms
from quota.engine.said import MINUTE_MS, Bucket, Dimension, Said

_PREFIX: Final = "anthropic-ratelimit"
_NAMES: Final = {
    dimension: tuple(f"{_PREFIX}-{dimension.replace(' ', '-')}-{part}" for part in ("limit", "remaining", "reset"))
    for dimension in Dimension
}
_MOST: Final = 1_000_000_000
"""No limit is larger; Redis counts it in doubles."""
_ROUNDING_MS: Final = SECOND_MS
"""Resets are whole seconds."""
_OFF_MS: Final = 2 * SECOND_MS
"""A reset this much later than a minute's filling allows is of a longer window."""


def said(headers: Mapping[str, str], *, group: str, sent_ms: int, heard_ms: int) -> Said | None:
    """Give what the headers say of the limits of this model group; None if that is nothing. Times are of our clock."""
    told = tuple(_told(headers))
    if not told or not group:
        return None
    after_ms = min((_looked(*one, sent_ms=sent_ms, heard_ms=heard_ms) for one in told), default=0)
    return Said(group, tuple(_bucket(*one, heard_ms=heard_ms) for one in told), after_ms)


def _told(headers: Mapping[str, str]) -> Iterator[tuple[Dimension, int, int, int]]:
    """The limits that are told whole and make sense: dimension, limit, remaining, reset."""
    for dimension, (limit, remaining, reset) in _NAMES.items():
        if limit not in headers:
            continue
        most, left = _count(headers[limit]), _count(headers.get(remaining, ""))
        full_ms = rfc3339_ms(headers.get(reset, ""))
        if most and left is not None and full_ms is not None:
            yield dimension, most, min(left, most), full_ms


def _count(text: str) -> int | None:
    text = text.strip()
    return min(int(text), _MOST) if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST)) else None


def _looked(_dimension: Dimension, limit: int, left: int, full_ms: int, *, sent_ms: int, heard_ms: int) -> int:
    """How long after the call was sent Anthropic looked. See Note [When it was true]."""
    looked_ms = full_ms - _ROUNDING_MS - _filling_ms(limit, left)
    return max(0, min(looked_ms, heard_ms) - sent_ms) if left < limit else 0


def _bucket(dimension: Dimension, limit: int, left: int, full_ms: int, *, heard_ms: int) -> Bucket:
    full_in_ms = min(full_ms - heard_ms, DAY_MS)
    beyond_ms = full_in_ms - _filling_ms(limit, left) - _OFF_MS
    if left == limit or beyond_ms <= 0:
        return Bucket(dimension, limit, _surely(dimension, limit, left))
    if left == 0 and dimension is not Dimension.REQUESTS:
        # Answers may take more than is left: it is full again only when that has come back, too.
        return Bucket(dimension, limit, -math.ceil(limit * (full_in_ms - MINUTE_MS) / MINUTE_MS))
    window_ms = min(DAY_MS, math.ceil(full_in_ms * limit / (limit - left)))
    return Bucket(dimension, limit, _surely(dimension, limit, left), window_ms)


def _filling_ms(limit: int, left: int) -> int:
    return MINUTE_MS * (limit - left) // limit


def _surely(dimension: Dimension, limit: int, left: int) -> int:
    """What is left for certain: tokens are told in thousands, to the nearest."""
    return left if dimension is Dimension.REQUESTS or left == limit else max(0, left - TOKEN_STEP // 2)
