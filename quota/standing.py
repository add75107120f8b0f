"""How an account stands, in one word and in one sentence, from the facts the selector looks at. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from quota.engine.types import NEVER, BreakerMode, BreakerState
from quota.engine.views import AccountState, HoldState

INVALID_KEY: Final = "invalid key"
"""What the reason of an account begins with that the pool disabled because Anthropic refused its key."""


class Standing(StrEnum):
    """What people see first of an account."""

    SERVING = "serving"
    BUSY = "busy"
    AT_LIMIT = "at_limit"
    COOLING_DOWN = "cooling_down"
    HALF_OPEN = "half_open"
    BREAKER_OPEN = "breaker_open"
    FORCED_OPEN = "forced_open"
    SPEND_LIMIT = "spend_limit"
    BILLING = "billing"
    INVALID_KEY = "invalid_key"
    UNDECRYPTABLE = "undecryptable"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Finding:
    """One word, why, and until when (milliseconds; 0: no time is known, NEVER: until a person acts)."""

    standing: Standing
    why: str = ""
    until_ms: int = 0

    @property
    def serving(self) -> bool:
        """Whether requests may go there: a half-open account takes one as its probe."""
        return self.standing in {Standing.SERVING, Standing.HALF_OPEN}


@dataclass(frozen=True, slots=True)
class Row:
    """What the database says of an account."""

    enabled: bool
    readable: bool
    disabled_reason: str = ""
    max_concurrency: int | None = None


_HOLDS: Final = {
    "spend_limit": Standing.SPEND_LIMIT,
    "billing": Standing.BILLING,
    "invalid_key": Standing.INVALID_KEY,
}


def finding_of(state: AccountState, row: Row, *, now_ms: int) -> Finding:
    """What keeps it from serving for longest; what a person must mend comes first."""
    if not row.enabled:
        refused = row.disabled_reason.startswith(INVALID_KEY)
        return Finding(Standing.INVALID_KEY if refused else Standing.DISABLED, row.disabled_reason, NEVER)
    if not row.readable:
        return Finding(Standing.UNDECRYPTABLE, "its key cannot be decrypted", NEVER)
    found = [*_breaker(state, now_ms=now_ms), *_holds(state), *_limits(state), *_crowd(state, row)]
    return max(found, key=lambda one: one.until_ms, default=Finding(Standing.SERVING))


def partial_holds(state: AccountState) -> tuple[HoldState, ...]:
    """Those that keep it from some models only."""
    return tuple(hold for hold in state.holds if hold.group or hold.model)


def in_words(finding: Finding, *, now_ms: int) -> str:
    """One sentence: "breaker open (http 503), back in 4:12"."""
    said = finding.standing.replace("_", " ")
    why = f" ({finding.why})" if finding.why and finding.why != finding.standing else ""
    if not 0 < finding.until_ms < NEVER:
        return f"{said}{why}"
    return f"{said}{why}, back in {countdown(finding.until_ms - now_ms)}"


def countdown(ms: int) -> str:
    """`4:12`, `3:04:12`, `2 d 03:04`."""
    seconds = max(0, -(-ms // 1_000))
    days, rest = divmod(seconds, 86_400)
    hours, minutes, left = rest // 3_600, rest // 60 % 60, rest % 60
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _breaker(state: AccountState, *, now_ms: int) -> Iterator[Finding]:
    if state.mode is BreakerMode.FORCED_OPEN:
        yield Finding(Standing.FORCED_OPEN, state.breaker_why, NEVER)
    elif state.mode is BreakerMode.FORCED_CLOSED or state.breaker is BreakerState.CLOSED:
        return
    elif state.breaker is BreakerState.OPEN and now_ms < state.open_until_ms:
        yield Finding(Standing.BREAKER_OPEN, state.breaker_why, state.open_until_ms)
    else:
        yield Finding(Standing.HALF_OPEN, "a probe is under way" if state.probing else "the next request is its probe")


def _holds(state: AccountState) -> Iterator[Finding]:
    for hold in state.holds:
        if not hold.group and not hold.model:
            yield Finding(_HOLDS.get(hold.why, Standing.COOLING_DOWN), hold.why, hold.until_ms)


def _limits(state: AccountState) -> Iterator[Finding]:
    for one in state.limits:
        if one.used + one.reserved >= one.limit.amount:
            yield Finding(Standing.AT_LIMIT, f"{one.limit.metric} per {one.limit.window}", one.resets_ms)


def _crowd(state: AccountState, row: Row) -> Iterator[Finding]:
    if row.max_concurrency is not None and state.in_flight >= row.max_concurrency:
        yield Finding(Standing.BUSY, f"{state.in_flight} of {row.max_concurrency} requests at once")
