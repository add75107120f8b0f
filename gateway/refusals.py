"""What to do when nobody can serve a request now: wait, or say so honestly. Pure."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from gateway import own_limits
from gateway.calls import POINTLESS_MS, OwnAnswer
from gateway.plain import named
from quota.engine.types import NEVER, Block, Client, Reason, Refusal

POLL_MS: Final = 250
"""How often to ask again where a place may come free at any time."""
SHORTEST_PAUSE_MS: Final = 20
SHOWN_BLOCKS: Final = 8

_WORDS: Final = {
    Reason.DISABLED: "disabled",
    Reason.MODEL_NOT_ALLOWED: "not allowed to use this model",
    Reason.TRIED: "tried already",
    Reason.FORCED_OPEN: "set aside by a person",
    Reason.BREAKER_OPEN: "set aside after failures in a row (circuit breaker)",
    Reason.PROBING: "being tried again after failures",
    Reason.COOLING: "waiting as Anthropic asked (cool-down)",
    Reason.CONCURRENCY: "busy with as many requests as allowed",
    Reason.LIMIT: "at a limit",
    Reason.RATE_LIMIT: "at a rate limit of Anthropic's",
}
_FREE_ANY_TIME: Final = {Reason.CONCURRENCY, Reason.PROBING, Reason.LIMIT, Reason.RATE_LIMIT}
_FAILING: Final = {Reason.BREAKER_OPEN, Reason.PROBING}
_HOPELESS: Final = {Reason.DISABLED, Reason.MODEL_NOT_ALLOWED, Reason.FORCED_OPEN, Reason.TRIED}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Ask again after `pause_ms`."""

    pause_ms: int


def pause(refusal: Refusal, *, left_ms: int) -> Waiting | None:
    """Say how long to wait before asking again, or None if nothing can change within `left_ms`."""
    soonest = soonest_ms(refusal)
    # A settlement ends the pause early, so where a place may come free the last moments count as well.
    waits = [min(POLL_MS, left_ms)] if any(block.reason in _FREE_ANY_TIME for block in refusal.blocks) else []
    waits += [soonest] if soonest is not None else []
    if not waits or left_ms <= 0 or min(waits) > left_ms:
        return None
    return Waiting(min(left_ms, max(SHORTEST_PAUSE_MS, min(waits))))


def aged(refusal: Refusal, *, by_ms: int) -> Refusal:
    """Give a refusal as it reads that much later: its times are nearer."""
    return replace(refusal, now_ms=refusal.now_ms + max(0, by_ms))


def soonest_ms(refusal: Refusal) -> int | None:
    """Give the wait until the soonest real time at which an account not yet tried may serve; None if none is known."""
    waits = [
        block.until_ms - refusal.now_ms
        for block in refusal.blocks
        if block.reason not in _HOPELESS and block.until_ms < NEVER
    ]
    return max(0, min(waits)) if waits else None


def answer(refusal: Refusal, *, model: str, client: Client | None = None) -> OwnAnswer:
    """Say it to the caller: why, and when it is worth coming back."""
    if refusal.limited is not None:
        return own_limits.answer(refusal.limited, client=client, now_ms=refusal.now_ms)
    if refusal.blocks and all(block.reason is Reason.MODEL_NOT_ALLOWED for block in refusal.blocks):
        return OwnAnswer(404, "not_found_error", f"model: {named(model)}", should_retry=False)
    wait = soonest_ms(refusal)
    if wait is None:
        return OwnAnswer(503, "api_error", _message(refusal.blocks), should_retry=False)
    status, type_ = (529, "overloaded_error") if _all_failing(refusal.blocks) else (429, "rate_limit_error")
    return OwnAnswer(status, type_, _message(refusal.blocks), wait, worth_retrying(wait))


def _all_failing(blocks: tuple[Block, ...]) -> bool:
    """Say whether all that could serve are set aside after failures: no limit of the caller's is to blame for that."""
    return all(block.reason in _FAILING for block in blocks if block.reason not in _HOPELESS)


def worth_retrying(wait_ms: int | None) -> bool | None:
    """Give False if the wait is longer than anybody should hold a request open, else None (the caller decides)."""
    return False if wait_ms is not None and wait_ms > POINTLESS_MS else None


def summary(refusal: Refusal) -> str:
    """Put the refusal on one line of the decision chain: who, why, and for how long."""
    if refusal.limited is not None:
        return own_limits.summary(refusal.limited)
    shown = ", ".join(_block(block, now_ms=refusal.now_ms) for block in refusal.blocks[:SHOWN_BLOCKS])
    more = len(refusal.blocks) - SHOWN_BLOCKS
    return f"refused: {shown or 'no accounts'}" + (f" and {more} more" if more > 0 else "")


def _block(block: Block, *, now_ms: int) -> str:
    which = f" ({block.detail})" if _names_a_limit(block) else ""
    until = "" if block.until_ms >= NEVER else f" for {max(0, block.until_ms - now_ms)} ms"
    return f"{block.account} {block.reason.value}{which}{until}"


def _message(blocks: tuple[Block, ...]) -> str:
    if not blocks:
        return "The pool has no accounts."
    counted = Counter(_words(block) for block in blocks)
    reasons = ", ".join(f"{count} {reason}" for reason, count in counted.most_common())
    return f"No account of the pool can serve this now. Of {len(blocks)}: {reasons}."


def _words(block: Block) -> str:
    return f"at the limit of {block.detail}" if _names_a_limit(block) else _WORDS[block.reason]


def _names_a_limit(block: Block) -> bool:
    """Whether it says which limit it is, such as `tokens per day`."""
    return block.reason is Reason.LIMIT and bool(block.detail)
