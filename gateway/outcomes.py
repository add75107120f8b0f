"""What one upstream call means: for its account's breaker, for the account itself, and for the caller. Pure.

The policy is the table in `gateway.rules`; `classify` reads the facts once and applies it.
"""

from dataclasses import replace
from typing import Final

import msgspec

from gateway.plain import code, origin, plain
from gateway.recognition import Facts
from gateway.replies import STATUS_OF_TYPE, ApiError, Reply, read_error
from gateway.rules import RULES, Caller, Elsewhere, Kind
from quota.engine.types import Hold, Verdict

__all__ = ["Caller", "Elsewhere", "Kind", "Outcome", "classify", "usefulness"]


class Outcome(msgspec.Struct, frozen=True):
    """The judgement. `wait_ms` is how long the cause lasts, as far as it is known; `why` is fit for people."""

    kind: Kind
    verdict: Verdict
    elsewhere: Elsewhere
    caller: Caller
    why: str
    holds: tuple[Hold, ...] = ()
    wait_ms: int | None = None
    sent: bool = True
    maybe_billed: bool = False
    """Nobody knows whether Anthropic worked on it: charge the estimate unless usage was seen."""
    status: int | None = None
    detail: str = ""
    """The upstream's own words, made plain."""


def classify(reply: Reply, *, now_ms: int) -> Outcome:
    """Judge one upstream call. Once content has reached the caller nothing is tried elsewhere."""
    facts = _facts(reply, now_ms)
    rule = next(rule for rule in RULES if rule.when(facts))
    wait_ms = rule.wait(facts)
    return Outcome(
        kind=rule.kind,
        verdict=rule.verdict,
        elsewhere=Elsewhere.NO if reply.content_seen else rule.elsewhere,
        caller=_caller(rule.caller, reply),
        why=_why(facts),
        holds=rule.holds(facts, wait_ms),
        wait_ms=wait_ms,
        sent=reply.fault is None or reply.fault.sent,
        maybe_billed=reply.fault is not None and reply.fault.sent,
        status=reply.status if reply.fault is None or reply.status else None,
        detail=plain(facts.error.message, model=reply.model),
    )


def _facts(reply: Reply, now_ms: int) -> Facts:
    error = read_error(reply.body) if reply.in_stream or (reply.status or 0) >= 400 else ApiError()  # noqa: PLR2004
    status = STATUS_OF_TYPE.get(error.type, 500) if reply.in_stream else reply.status or 0
    return Facts(reply=reply, status=status, error=error, text=error.message.lower(), now_ms=now_ms)


def _caller(caller: Caller, reply: Reply) -> Caller:
    if "{origin}" not in caller.message:
        return caller
    return replace(caller, message=caller.message.replace("{origin}", origin(reply.origin) or "the account's address"))


def _why(facts: Facts) -> str:
    if facts.reply.fault is not None:
        return facts.reply.fault.value
    place = "in stream" if facts.reply.in_stream else f"http {facts.status}"
    words = (place, code(facts.error.type), code(facts.error.code))
    return " ".join(word for word in words if word)


_BEST_FIRST: Final = (
    (Kind.CALLER_ERROR,),
    (Kind.THROTTLE, Kind.RAMP),
    (Kind.OVERLOADED,),
    (Kind.SERVER_ERROR,),
    (Kind.TIMEOUT, Kind.CUT, Kind.MALFORMED, Kind.UNEXPECTED),
    (Kind.CONNECT, Kind.EDGE),
    (Kind.LONG_CONTEXT, Kind.MODEL, Kind.FEATURE),
    (Kind.SPEND_LIMIT, Kind.USAGE_LIMIT),
)
_RANK: Final = {kind: rank for rank, kinds in enumerate(_BEST_FIRST) for kind in kinds}


def usefulness(outcome: Outcome) -> tuple[int, int]:
    """Sort key: the most useful of several failures first; among throttles the one that ends soonest."""
    far = 1 << 53
    return (_RANK.get(outcome.kind, len(_BEST_FIRST)), far if outcome.wait_ms is None else outcome.wait_ms)
