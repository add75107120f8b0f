"""What people are told of an account, from the facts the selector goes by. Pure.

Of several things in the way the one that lasts longest is named, as in the engine's refusals; a later look finds the
others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from quota import times
from quota.engine.types import NEVER, BreakerMode, BreakerState, Metric, Window
from quota.engine.views import AccountState, HoldState, LearnedState, LimitState

NANO: Final = 10**9
"""Nano-dollars in a dollar."""
KEY_REFUSED: Final = "invalid key"
"""How the ledger begins a `disabled_reason` where Anthropic refused the key."""


class Tone(StrEnum):
    """In the admin skin's words for colours."""

    GOOD = "success"
    PASSING = "warning"
    BAD = "danger"
    OFF = "info"


class Word(StrEnum):
    """For programs. What people read is `Status.text`."""

    SERVING = "serving"
    PARTLY = "partly"
    BUSY = "busy"
    LIMIT = "over_limit"
    COOLING = "cooling"
    HALF_OPEN = "half_open"
    BREAKER_OPEN = "breaker_open"
    SPEND_LIMIT = "spend_limit"
    BILLING = "billing"
    ON_HOLD = "on_hold"
    FORCED_OPEN = "forced_open"
    INVALID_KEY = "invalid_key"
    UNDECRYPTABLE = "undecryptable"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


SERVING: Final = frozenset({Word.SERVING, Word.PARTLY})


@dataclass(frozen=True, slots=True)
class Status:
    """`text` is for people. `until_ms` is 0 where no time is known, NEVER where a person must act.

    `template` is `text` with `{clock}` or `{about}` in the place of the time left, for those who count down
    themselves: it stays the same while time passes.
    """

    word: Word
    text: str
    tone: Tone
    until_ms: int = 0
    why: str = ""
    template: str = ""

    @property
    def serves(self) -> bool:
        """Whether an ordinary request may go there now."""
        return self.word in SERVING


UNKNOWN: Final = Status(
    Word.UNKNOWN, "not loaded", Tone.OFF, why="the engine has not heard of it yet", template="not loaded"
)


def status_of(
    state: AccountState, *, enabled: bool, readable: bool, now_ms: int, disabled_for: str = "", cap: int | None = None
) -> Status:
    """The status of one account. `enabled`, `readable` (its key) and `disabled_for` come from the database.

    `cap`: how many requests at once it may have, if that is limited.
    """
    found = [
        *_by_the_database(state, enabled=enabled, readable=readable, disabled_for=disabled_for),
        *_by_the_breaker(state, now_ms=now_ms),
        *(_held(hold, now_ms=now_ms) for hold in state.holds if not (hold.group or hold.model)),
        *_by_its_limits(state, now_ms=now_ms),
        *_by_its_cap(state, cap=cap),
    ]
    return max(found, key=lambda status: status.until_ms) if found else _serving(state, now_ms=now_ms)


def _made(word: Word, template: str, tone: Tone, *, until_ms: int = 0, why: str = "", now_ms: int = 0) -> Status:
    left_ms = until_ms - now_ms
    text = template.replace("{clock}", times.clock(left_ms)).replace("{about}", times.about(left_ms))
    return Status(word, text, tone, until_ms, why, template)


def _by_the_database(state: AccountState, *, enabled: bool, readable: bool, disabled_for: str) -> Iterator[Status]:
    if not enabled and disabled_for.startswith(KEY_REFUSED):
        yield _made(Word.INVALID_KEY, "invalid key", Tone.BAD, until_ms=NEVER, why=_REASONS["invalid_key"])
    elif not enabled:
        yield _made(Word.DISABLED, "disabled", Tone.OFF, until_ms=NEVER, why=disabled_for)
    elif not readable:
        yield _made(Word.UNDECRYPTABLE, "undecryptable", Tone.BAD, until_ms=NEVER, why=_REASONS["undecryptable"])
    elif not state.enabled:
        yield _made(Word.DISABLED, "disabled", Tone.OFF, until_ms=NEVER, why=_REASONS["unheard"])


def _by_the_breaker(state: AccountState, *, now_ms: int) -> Iterator[Status]:
    match state.mode, state.breaker:
        case BreakerMode.FORCED_OPEN, _:
            why = state.breaker_why or _REASONS["forced"]
            yield _made(Word.FORCED_OPEN, "breaker forced open", Tone.BAD, until_ms=NEVER, why=why)
        case BreakerMode.FORCED_CLOSED, _:
            return
        case _, BreakerState.OPEN if now_ms < state.open_until_ms:
            yield _made(
                Word.BREAKER_OPEN,
                "breaker open, back in {clock}",
                Tone.BAD,
                until_ms=state.open_until_ms,
                why=state.breaker_why,
                now_ms=now_ms,
            )
        case _, BreakerState.OPEN | BreakerState.HALF_OPEN:
            why = "a probe is under way" if state.probing else "the next request is the probe"
            yield _made(Word.HALF_OPEN, "half-open", Tone.PASSING, why=_joined(why, state.breaker_why))


def _held(hold: HoldState, *, now_ms: int) -> Status:
    why = _REASONS.get(hold.why, hold.why)
    word, name = _HOLDS.get(hold.why, (Word.COOLING, "cooling down"))
    if word is Word.COOLING:
        until = times.instant(hold.until_ms, now_ms=now_ms)
        template = f"{name} until {until} ({{about}})"
        return _made(word, template, Tone.PASSING, until_ms=hold.until_ms, why=why, now_ms=now_ms)
    ends = "" if hold.until_ms >= NEVER else f" until {times.instant(hold.until_ms, now_ms=now_ms)}"
    return _made(word, f"{name}{ends}", Tone.BAD, until_ms=hold.until_ms, why=why)


def _by_its_limits(state: AccountState, *, now_ms: int) -> Iterator[Status]:
    for one in state.limits:
        if one.used + one.reserved < one.limit.amount:
            continue
        until_ms = 0 if one.limit.window is Window.MINUTE or one.used < one.limit.amount else one.resets_ms
        ends = f" until {times.instant(until_ms, now_ms=now_ms)}" if until_ms else ""
        yield _made(Word.LIMIT, f"over its limit{ends}", Tone.PASSING, until_ms=until_ms, why=_limit(one))


def _by_its_cap(state: AccountState, *, cap: int | None) -> Iterator[Status]:
    if cap is not None and state.in_flight >= cap:
        yield _made(Word.BUSY, "busy", Tone.PASSING, why=f"{state.in_flight} of {cap} requests at once")


def _serving(state: AccountState, *, now_ms: int) -> Status:
    partial = [*map(_held_in_part, state.holds), *(_used_up(one) for one in state.learned if one.back_at_ms)]
    if partial:
        until_ms, what, why = max(partial)
        ends = "" if until_ms >= NEVER else f" until {times.instant(until_ms, now_ms=now_ms)} ({{about}})"
        text = f"serving, but not {what}{ends}"
        return _made(Word.PARTLY, text, Tone.PASSING, until_ms=until_ms, why=why, now_ms=now_ms)
    if state.mode is BreakerMode.FORCED_CLOSED:
        why = _joined("its breaker is forced closed", state.breaker_why)
        return _made(Word.SERVING, "serving", Tone.GOOD, why=why)
    return _made(Word.SERVING, "serving", Tone.GOOD, why=_failures(state))


def _held_in_part(hold: HoldState) -> tuple[int, str, str]:
    return hold.until_ms, hold.model or hold.group, _REASONS.get(hold.why, hold.why)


def _used_up(one: LearnedState) -> tuple[int, str, str]:
    return one.back_at_ms, one.group, anthropic_says(remaining_of(one), until_ms=one.back_at_ms)


def remaining_of(one: LearnedState) -> str:
    """`0 of 50 requests`."""
    return f"{one.remaining:,} of {one.limit:,} {one.dimension}"


def anthropic_says(words: str, *, until_ms: int = 0) -> str:
    """`Anthropic says 0 of 50 requests remain until 12:31:05 UTC`; `words` is the part before "remain"."""
    return f"Anthropic says {words} remain" + (f" until {times.second(until_ms)}" if until_ms else "")


def _failures(state: AccountState) -> str:
    return _joined(f"{state.failures} failed in a row", state.breaker_why) if state.failures else ""


def _limit(one: LimitState) -> str:
    unit = "US dollars" if one.limit.metric is Metric.COST else str(one.limit.metric)
    return f"{_amount(one.used + one.reserved, one)} of {_amount(one.limit.amount, one)} {unit} per {one.limit.window}"


def _amount(number: int, one: LimitState) -> str:
    return f"{number / NANO:,.2f}" if one.limit.metric is Metric.COST else f"{number:,}"


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)


_HOLDS: Final = {
    "spend_limit": (Word.SPEND_LIMIT, "spend limit"),
    "billing": (Word.BILLING, "out of credit"),
    "on_hold": (Word.ON_HOLD, "on hold"),
    "invalid_key": (Word.INVALID_KEY, "invalid key"),
}
_REASONS: Final = {
    "invalid_key": "Anthropic rejects its key: enter a valid one",
    "undecryptable": "enter its key again, or restore ENCRYPTION_KEY",
    "unheard": "the engine has not heard yet that it is enabled",
    "forced": "until a person changes it",
    "spend_limit": "its spend limit at Anthropic is reached",
    "billing": "its credit at Anthropic is used up",
    "on_hold": "Anthropic put its organization on hold",
    "throttle": "Anthropic throttles it",
    "ramp": "its traffic grew faster than Anthropic allows",
    "used_up": "Anthropic says that its rate limit is used up",
    "model": "Anthropic does not let it use this model",
    "retry_after": "Anthropic asked to wait",
    "common_cause": "several keys were rejected at once: look at the network and the base URL",
}
