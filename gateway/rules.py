"""The outcome table: which facts make which row, and what each row means. Pure.

`RULES` is the whole policy, first match wins. A row says what the breaker hears, whether another account is worth
trying, what the caller sees if nothing better comes, how long the cause lasts and who is kept away meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway import recognition as when
from gateway.instants import (
    MINUTE_MS,
    SECOND_MS,
    access_regained_ms,
    limits_reset_ms,
    next_month_ms,
    refill_ms,
    retry_after_ms,
)
from gateway.recognition import Facts
from gateway.replies import Fault
from quota.engine.types import Hold, Scope, Verdict

UNEXPLAINED_THROTTLE_MS: Final = 60 * SECOND_MS
"""A 429 that says nothing. Not "until midnight": the usual bucket refills within a minute."""
MODEL_HOLD_MS: Final = 10 * MINUTE_MS
BILLING_RECHECK_MS: Final = 15 * MINUTE_MS
"""Credit can be bought at any time."""
FAILURE_HOLD_MAX_MS: Final = MINUTE_MS
"""A failing server's retry-after is honoured this far; what is longer is the breaker's business."""


class Kind(StrEnum):
    """The classifier's word for what came back."""

    SUCCESS = "success"
    THROTTLE = "throttle"
    RAMP = "ramp"
    LONG_CONTEXT = "long_context"
    SPEND_LIMIT = "spend_limit"
    USAGE_LIMIT = "usage_limit"
    CREDIT = "credit"
    BILLING = "billing"
    KEY_REJECTED = "key_rejected"
    ORIGIN_REFUSED = "origin_refused"
    KEY_UNREADABLE = "key_unreadable"
    ACCOUNT_GONE = "account_gone"
    ORGANIZATION_DISABLED = "organization_disabled"
    ON_HOLD = "on_hold"
    EDGE = "edge"
    MODEL = "model"
    FEATURE = "feature"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    CUT = "cut"
    MALFORMED = "malformed"
    UNEXPECTED = "unexpected"
    CALLER_ERROR = "caller_error"
    CALLER_LEFT = "caller_left"
    OURS = "ours"


class Elsewhere(StrEnum):
    """Whether the request is worth another account."""

    NO = "no"
    ONCE = "once"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Caller:
    """What the caller sees if this is the last word: the upstream's own answer, or one of ours."""

    unchanged: bool
    status: int = 0
    type: str = ""
    message: str = ""


Duration = Callable[[Facts], int | None]
Holds = Callable[[Facts, int | None], tuple[Hold, ...]]


def _no_wait(_facts: Facts) -> int | None:
    return None


def _no_holds(_facts: Facts, _wait_ms: int | None) -> tuple[Hold, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    kind: Kind
    when: Callable[[Facts], bool]
    verdict: Verdict
    elsewhere: Elsewhere
    caller: Caller
    wait: Duration = _no_wait
    holds: Holds = _no_holds


# -- wait: how long the cause lasts ----------------------------------------------------------------------------------


def _throttle_wait(facts: Facts) -> int:
    headers = facts.reply.headers
    told = retry_after_ms(headers, now_ms=facts.now_ms) or limits_reset_ms(headers, now_ms=facts.now_ms)
    return told or UNEXPLAINED_THROTTLE_MS


def _until_refilled(facts: Facts) -> int | None:
    """A good answer that was the last one Anthropic's limit had room for."""
    return refill_ms(facts.reply.headers, now_ms=facts.now_ms)


def _until_date(facts: Facts) -> int:
    told = access_regained_ms(facts.error.message, now_ms=facts.now_ms)
    return (told or next_month_ms(facts.now_ms)) - facts.now_ms


def _failure_wait(facts: Facts) -> int | None:
    told = retry_after_ms(facts.reply.headers, now_ms=facts.now_ms)
    return None if told is None else min(told, FAILURE_HOLD_MAX_MS)


def _recheck(_facts: Facts) -> int:
    return BILLING_RECHECK_MS


# -- holds: who stays away from what ---------------------------------------------------------------------------------


def _hold_group(why: str) -> Holds:
    """Anthropic counts throttles per organization and model group."""

    def holds(facts: Facts, wait_ms: int | None) -> tuple[Hold, ...]:
        return (Hold(Scope.ORGANIZATION, why, for_ms=wait_ms or 0, group=facts.reply.group),)

    return holds


def _hold_used_up(facts: Facts, wait_ms: int | None) -> tuple[Hold, ...]:
    return _hold_group("used_up")(facts, wait_ms) if wait_ms and facts.reply.group else ()


def _hold_all(why: str) -> Holds:
    def holds(facts: Facts, wait_ms: int | None) -> tuple[Hold, ...]:
        # A workspace's own limit leaves the organization's other workspaces free.
        scope = Scope.ACCOUNT if "workspace" in facts.text else Scope.ORGANIZATION
        return (Hold(scope, why, until_ms=facts.now_ms + (wait_ms or 0)),)

    return holds


def _hold_model(facts: Facts, _wait_ms: int | None) -> tuple[Hold, ...]:
    return (Hold(Scope.ACCOUNT, "model", for_ms=MODEL_HOLD_MS, model=facts.reply.model),) if facts.reply.model else ()


def _hold_failing(_facts: Facts, wait_ms: int | None) -> tuple[Hold, ...]:
    return (Hold(Scope.ACCOUNT, "retry_after", for_ms=wait_ms),) if wait_ms else ()


# -- caller: what is seen if nothing better comes --------------------------------------------------------------------

UNCHANGED: Final = Caller(unchanged=True)
THROTTLED: Final = Caller(False, 429, "rate_limit_error", "Every account that could serve this is at a limit.")
UNAVAILABLE: Final = Caller(False, 503, "api_error", "No account could serve this request.")
UNREACHABLE: Final = Caller(False, 503, "api_error", "Anthropic could not be reached.")
TOO_SLOW: Final = Caller(False, 504, "timeout_error", "Anthropic did not answer in time.")
BROKEN: Final = Caller(False, 502, "api_error", "Anthropic's answer was incomplete or unreadable.")
SERVER_TROUBLE: Final = Caller(False, 502, "api_error", "Anthropic answered with a server error.")
OVERLOADED: Final = Caller(False, 529, "overloaded_error", "Anthropic is overloaded.")
NOBODY: Final = Caller(False, 499, "caller_left", "The caller went away.")
OUR_FAULT: Final = Caller(False, 503, "api_error", "The pool could not carry out this request.")
ORIGIN_REFUSED: Final = Caller(False, 503, "api_error", "This process may not call {origin}: see ANTHROPIC_BASE_URLS.")
KEY_UNREADABLE: Final = Caller(False, 503, "api_error", "Keys cannot be decrypted with this process's ENCRYPTION_KEY.")

_V = Verdict
_E = Elsewhere
_UNREACHED: Final = (Fault.CONNECT, Fault.CONNECT_TIMEOUT, Fault.ADDRESS_REFUSED)
_BAD_ANSWERS: Final = (Fault.MALFORMED, Fault.ENCODED)
_LATE: Final = (Fault.FIRST_BYTE_TIMEOUT, Fault.GAP_TIMEOUT, Fault.TOTAL_TIMEOUT)
_SPENT_CODES: Final = ("enforced_spend_limit_reached", "contract_spend_limit_reached")
_LONG: Final = "extra usage is required for long context"
_LIMIT_REACHED: Final = ("you have reached your specified api usage limits", "specified workspace api usage limits")

RULES: Final[tuple[Rule, ...]] = (
    # it worked, as it nearly always does
    Rule(Kind.SUCCESS, when.is_success, _V.SUCCESS, _E.NO, UNCHANGED, _until_refilled, _hold_used_up),
    # nothing, or not everything, came back
    Rule(Kind.CALLER_LEFT, when.fault(Fault.CALLER_LEFT), _V.NEUTRAL, _E.NO, NOBODY),
    Rule(Kind.OURS, when.fault(Fault.OURS), _V.NEUTRAL, _E.NO, OUR_FAULT),
    # this process's settings: others may well be able to use the account, so it must not suffer
    Rule(Kind.ORIGIN_REFUSED, when.fault(Fault.ORIGIN_REFUSED), _V.NEUTRAL, _E.YES, ORIGIN_REFUSED),
    Rule(Kind.KEY_UNREADABLE, when.fault(Fault.KEY_UNREADABLE), _V.NEUTRAL, _E.YES, KEY_UNREADABLE),
    Rule(Kind.ACCOUNT_GONE, when.fault(Fault.ACCOUNT_GONE), _V.NEUTRAL, _E.YES, UNAVAILABLE),
    Rule(Kind.CONNECT, when.fault(*_UNREACHED), _V.FAILURE, _E.YES, UNREACHABLE),
    Rule(Kind.TIMEOUT, when.fault(*_LATE), _V.FAILURE, _E.YES, TOO_SLOW),
    Rule(Kind.CUT, when.fault(Fault.CUT), _V.FAILURE, _E.YES, BROKEN),
    Rule(Kind.MALFORMED, when.fault(*_BAD_ANSWERS), _V.FAILURE, _E.YES, BROKEN),
    # a limit: the account answers, but not now
    Rule(
        Kind.SPEND_LIMIT, when.coded(*_SPENT_CODES), _V.ALIVE, _E.YES, THROTTLED, _until_date, _hold_all("spend_limit")
    ),
    Rule(
        Kind.USAGE_LIMIT,
        when.says(400, *_LIMIT_REACHED),
        _V.ALIVE,
        _E.YES,
        THROTTLED,
        _until_date,
        _hold_all("spend_limit"),
    ),
    Rule(
        Kind.RAMP, when.coded("ramp_limit_exceeded"), _V.ALIVE, _E.YES, UNCHANGED, _throttle_wait, _hold_group("ramp")
    ),
    Rule(Kind.LONG_CONTEXT, when.says(429, _LONG), _V.ALIVE, _E.YES, UNCHANGED),
    Rule(Kind.THROTTLE, when.status(429), _V.ALIVE, _E.YES, UNCHANGED, _throttle_wait, _hold_group("throttle")),
    # money
    Rule(
        Kind.CREDIT,
        when.says(400, "credit balance is too low"),
        _V.ALIVE,
        _E.YES,
        UNAVAILABLE,
        _recheck,
        _hold_all("billing"),
    ),
    Rule(Kind.BILLING, when.status(402), _V.ALIVE, _E.YES, UNAVAILABLE, _until_date, _hold_all("billing")),
    # the key
    Rule(Kind.ON_HOLD, when.coded("organization_on_hold"), _V.REJECTED, _E.YES, UNAVAILABLE),
    Rule(
        Kind.ORGANIZATION_DISABLED,
        when.says(400, "this organization has been disabled"),
        _V.REJECTED,
        _E.YES,
        UNAVAILABLE,
    ),
    # what this account does not remember: its caller knows what to do, whatever words the message uses
    Rule(Kind.CALLER_ERROR, when.coded("thread_not_found"), _V.ALIVE, _E.NO, UNCHANGED),
    Rule(Kind.EDGE, when.is_edge_page, _V.NEUTRAL, _E.ONCE, UNREACHABLE),
    Rule(Kind.KEY_REJECTED, when.status(401), _V.REJECTED, _E.YES, UNAVAILABLE),
    Rule(Kind.MODEL, when.names_the_model, _V.ALIVE, _E.YES, UNCHANGED, holds=_hold_model),
    # a caller's wish for a feature must not cost us the key
    Rule(Kind.FEATURE, when.names_a_feature, _V.ALIVE, _E.YES, UNCHANGED),
    Rule(Kind.KEY_REJECTED, when.status(403), _V.REJECTED, _E.YES, UNAVAILABLE),
    # their servers
    Rule(Kind.OVERLOADED, when.status(529), _V.OVERLOADED, _E.ONCE, OVERLOADED, _failure_wait, _hold_failing),
    Rule(Kind.SERVER_ERROR, when.status(408, 409), _V.FAILURE, _E.YES, UNCHANGED, _failure_wait, _hold_failing),
    Rule(
        Kind.SERVER_ERROR,
        lambda facts: facts.status >= 500,  # noqa: PLR2004
        _V.FAILURE,
        _E.YES,
        SERVER_TROUBLE,
        _failure_wait,
        _hold_failing,
    ),
    # neither an error nor what was asked for: a redirect, a page with status 200
    Rule(Kind.UNEXPECTED, lambda facts: facts.status < 400, _V.FAILURE, _E.YES, BROKEN),  # noqa: PLR2004
    # everything else is between the caller and Anthropic
    Rule(Kind.CALLER_ERROR, lambda _facts: True, _V.ALIVE, _E.NO, UNCHANGED),
)
