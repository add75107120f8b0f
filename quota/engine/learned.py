"""What is known of Anthropic's limits for one model group of one organization: pure, `now_ms` is an argument.

# Note [Dead reckoning]
Anthropic's buckets fill continuously, so each is known by one number: the instant at which it will be full. What
remains at any other instant follows from it, and what is taken moves it on. Leases move it when they are granted;
an answer's headers say where it truly was when that call was admitted, and what was granted *after* that call is
taken from there again, second by second. So calls under way count though no answer has told of them yet, usage that
did not pass through the pool is seen with the next answer, and whatever was learned fades as the bucket fills.

Calls reach Anthropic in another order than they were granted in. Of what is told about the same second the least
counts; what is told about an earlier one changes nothing.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from quota.engine.calendar import DAY_MS
from quota.engine.capacity import SOON_MS
from quota.engine.said import Bucket, Dimension, Said

KEPT_SECONDS: Final = 61
"""How long what was granted is remembered by the second; what an older answer says is not listened to."""
SAME_MS: Final = 1_000
"""Answers about instants that are no further apart may have overtaken each other."""
SLACK: Final = 0.01
"""So much of a request or token may be missing: doubles round."""
LOAD_STEPS: Final = 20
"""A load is told in steps of a twentieth, so that small differences do not change who is next."""
PACE: Final = 8
"""Of how many calls, about, what is usual is the mean."""
SHARE_MOST: Final = 2.0


@dataclass(frozen=True, slots=True)
class Total:
    """So much was taken since the record began."""

    requests: int = 0
    input: int = 0
    output: int = 0

    def __add__(self, more: "Total") -> "Total":
        return Total(self.requests + more.requests, self.input + more.input, self.output + more.output)

    def since(self, earlier: "Total") -> "Total":
        """What came after; a record that began anew has nothing from before."""
        return Total(
            max(0, self.requests - earlier.requests),
            max(0, self.input - earlier.input),
            max(0, self.output - earlier.output),
        )

    def of(self, dimension: Dimension) -> int:
        match dimension:
            case Dimension.REQUESTS:
                return self.requests
            case Dimension.INPUT:
                return self.input
            case Dimension.OUTPUT:
                return self.output
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Taken:
    """What a lease took of a record (`key`): its estimated input, and all taken until then, itself included."""

    key: str
    input: int
    total: Total


@dataclass(slots=True)
class Level:
    """A bucket of `limit` that fills in `window_ms`, and will be full at `full_at_ms`."""

    limit: int
    window_ms: int
    full_at_ms: float

    def remaining(self, now_ms: int) -> float:
        return self.limit - max(0.0, self.full_at_ms - now_ms) * self.limit / self.window_ms

    def reaches_ms(self, need: int) -> float:
        """The instant at which so much will have come back."""
        return self.full_at_ms - (self.limit - need + SLACK) * self.window_ms / self.limit

    def take(self, amount: int, *, at_ms: int) -> None:
        if amount:
            self.full_at_ms = max(self.full_at_ms, float(at_ms)) + float(amount) * self.window_ms / self.limit


@dataclass(slots=True)
class Learned:
    """One organization's (or unaffiliated account's) limits for one model group."""

    at_ms: int = 0
    """The latest instant that an answer told of."""
    anchor_ms: int = 0
    """The instant whose answer last replaced what was reckoned, instead of adding to its caution."""
    flying: int = 0
    """Calls under way. Each is expected to bring the usual output."""
    output: float = 0.0
    """Tokens of a usual answer."""
    share: float = 1.0
    """Of the input that is estimated, so much counts: the rest is read from the prompt cache."""
    total: Total = field(default_factory=Total)
    levels: dict[Dimension, Level] = field(default_factory=dict)
    seconds: dict[int, Total] = field(default_factory=dict)
    """Second → what had been taken at its end, for seconds in which something was."""

    def idle(self, now_ms: int) -> bool:
        """Whether nothing is under way and nothing was told for a day."""
        return not self.flying and self.at_ms + DAY_MS <= now_ms


def room(learned: Learned, dimension: Dimension, *, now_ms: int) -> float:
    """What remains beyond what calls under way are expected to take."""
    left = learned.levels[dimension].remaining(now_ms)
    return left - learned.flying * learned.output if dimension in (Dimension.OUTPUT, Dimension.TOKENS) else left


def shown(learned: Learned, dimension: Dimension, *, now_ms: int) -> int:
    """The same in whole units, never below zero."""
    return math.floor(max(0.0, room(learned, dimension, now_ms=now_ms) + SLACK))


def back_at_ms(learned: Learned, dimension: Dimension, *, now_ms: int, need: int = 1) -> int:
    """When there will be room for so much; 0 if there is now. A call under way may end at any moment."""
    if room(learned, dimension, now_ms=now_ms) + SLACK >= need:
        return 0
    reached = learned.levels[dimension].reaches_ms(need)
    return math.ceil(reached) if reached > now_ms else now_ms + SOON_MS


def counted(learned: Learned, tokens: int) -> int:
    """What of an estimated input is expected to count."""
    return math.ceil(tokens * learned.share)


def obstacles(learned: Learned, tokens: int, *, now_ms: int) -> Iterator[tuple[int, str]]:
    """The limits that have no room for one more call with so much input: until when, and in words.

    Output is counted as it comes, so a call begins wherever any is left. A call larger than a limit waits until that is
    full, not for ever.
    """
    for dimension in Dimension:
        level = learned.levels.get(dimension)
        if level is None:
            continue
        whole = dimension in (Dimension.REQUESTS, Dimension.OUTPUT)
        need = 1 if whole else min(max(1, counted(learned, tokens)), level.limit)
        until = back_at_ms(learned, dimension, now_ms=now_ms, need=need)
        if until:
            yield until, f"{shown(learned, dimension, now_ms=now_ms)} of {level.limit} {dimension}"


def load_ppm(learned: Learned, *, now_ms: int) -> int:
    """The fullest limit in parts per million, in steps. Doubles on purpose: Redis's Lua has no other numbers."""
    loads = [
        math.floor((level.limit - room(learned, dimension, now_ms=now_ms)) / level.limit * LOAD_STEPS)
        for dimension, level in learned.levels.items()
    ]
    return min(max(loads, default=0) * (1_000_000 // LOAD_STEPS), 1 << 30)


def take(learned: Learned, key: str, *, tokens: int, now_ms: int) -> Taken:
    """A call is granted."""
    _spend(learned, Total(1, counted(learned, tokens), 0), now_ms=now_ms)
    learned.flying += 1
    return Taken(key, tokens, learned.total)


def release(known: Mapping[str, Learned], taken: Taken | None) -> None:
    """A call is over."""
    learned = known.get(taken.key) if taken is not None else None
    if learned is not None:
        learned.flying = max(0, learned.flying - 1)


def hear(learned: Learned, said: Said, taken: Taken | None, *, granted_ms: int, now_ms: int) -> None:
    """Let the headers of a call correct what was reckoned. See Note [Dead reckoning]."""
    at_ms = min(granted_ms + said.after_ms, now_ms)
    if at_ms < now_ms - KEPT_SECONDS * 1_000 or at_ms <= learned.anchor_ms - SAME_MS:
        return
    anew = at_ms >= learned.anchor_ms + SAME_MS
    for bucket in said.buckets:
        full_at = min(at_ms + float(bucket.limit - bucket.remaining) * bucket.window_ms / bucket.limit, now_ms + DAY_MS)
        level = Level(bucket.limit, bucket.window_ms, full_at)
        _take_again(learned, level, bucket, taken, granted_ms=granted_ms, at_ms=at_ms, now_ms=now_ms)
        known = learned.levels.get(bucket.dimension)
        if known is not None and not anew:
            level.full_at_ms = max(level.full_at_ms, known.full_at_ms)
        learned.levels[bucket.dimension] = level
    if anew:
        learned.anchor_ms = at_ms
    learned.at_ms = max(learned.at_ms, at_ms)


def finish(learned: Learned, said: Said, taken: Taken | None, *, now_ms: int) -> None:
    """Count what the call brought; learn what is usual, and how much of an estimated input Anthropic counts."""
    _spend(learned, Total(0, 0, said.output_tokens), now_ms=now_ms)
    if said.output_tokens > 0:
        learned.output += (said.output_tokens - learned.output) / PACE
    if taken is not None and taken.input > 0 and said.input_tokens > 0:
        share = min(float(said.input_tokens) / taken.input, SHARE_MOST)
        learned.share += (share - learned.share) / PACE


def _spend(learned: Learned, amount: Total, *, now_ms: int) -> None:
    for dimension, level in learned.levels.items():
        level.take(amount.of(dimension), at_ms=now_ms)
    second = now_ms // 1_000
    learned.total += amount
    learned.seconds[second] = learned.total
    past = sorted(at for at in learned.seconds if at + KEPT_SECONDS <= second)
    for at in past[:-1]:  # the last one says from where the others count
        del learned.seconds[at]


def _take_again(
    learned: Learned, level: Level, bucket: Bucket, taken: Taken | None, *, granted_ms: int, at_ms: int, now_ms: int
) -> None:
    """Take from `level` what was taken after the call that told of it, or after the second it told of."""
    granted, told = granted_ms // 1_000, at_ms // 1_000
    known = taken.total if taken is not None else Total()
    for second in sorted(learned.seconds):
        total = learned.seconds[second]
        if second >= told:
            level.take(total.since(known).of(bucket.dimension), at_ms=min((second + 1) * 1_000, now_ms))
        if second >= granted or taken is None:
            known = total
