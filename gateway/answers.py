"""Whether a request is worth another account, and what the caller is told if not. Pure.

An attempt is *used up* when the upstream failed. An account that answers "not me, not now" (a throttle, a dead key) has
only shown that it should not have been chosen, so it is left out and the next one is asked, up to twice as many calls
as attempts. A 529 is Anthropic's trouble, not the account's: one other account is tried, no more.
"""

from typing import Final

from msgspec.structs import replace

from gateway import narration, refusals
from gateway.calls import Delivered, FinalAnswer, OwnAnswer, Returned, UpstreamAnswer
from gateway.moves import State
from gateway.outcomes import Elsewhere, Kind, Outcome, usefulness
from gateway.replies import Fault
from gateway.rules import NOBODY, OUR_FAULT
from quota.engine.types import Refusal, Verdict

CALLS_PER_ATTEMPT: Final = 2
OVERLOAD_RETRY_MS: Final = 2_000
"""What callers are told when Anthropic is overloaded and says nothing itself."""
_USED_UP: Final = {Verdict.FAILURE, Verdict.OVERLOADED, Verdict.NEUTRAL}
_NOT_FROM_HERE: Final = {Kind.ORIGIN_REFUSED, Kind.KEY_UNREADABLE}
"""This process cannot use the account: nothing was tried."""


def worth_another(state: State) -> bool:
    """Say whether the request goes to another account after its latest outcome."""
    outcome = state.outcomes[-1]
    if outcome.elsewhere is Elsewhere.NO:
        return False
    once = sum(1 for earlier in state.outcomes if earlier.elsewhere is Elsewhere.ONCE)
    willing = outcome.elsewhere is Elsewhere.YES or (outcome.elsewhere is Elsewhere.ONCE and once == 1)
    used = sum(1 for one in state.outcomes if one.verdict in _USED_UP and one.kind not in _NOT_FROM_HERE)
    left = used < state.call.attempts and state.number < CALLS_PER_ATTEMPT * state.call.attempts
    return willing and left and not state.call.only


def last_word(state: State, returned: Returned) -> FinalAnswer:
    """Say what the caller gets when the latest outcome ends the request."""
    last = returned.outcome
    if last.kind is Kind.SUCCESS or returned.delivering:
        return Delivered(ok=last.kind is Kind.SUCCESS)
    if last.kind in {Kind.CALLER_LEFT, Kind.OURS}:
        return _own(last)
    return _best(state, soonest=None)


def _best(state: State, *, soonest: int | None) -> FinalAnswer:
    """Choose the most useful of the failures. `soonest` is when the pool itself may serve again, if that is known."""
    best = min(state.outcomes, key=usefulness)
    wait = _caller_wait(best, soonest)
    retry = refusals.worth_retrying(wait)
    if best.caller.unchanged:
        return UpstreamAnswer(state.outcomes.index(best) + 1, wait, retry)
    return replace(_own(best), retry_after_ms=wait, should_retry=retry)


def _caller_wait(best: Outcome, soonest: int | None) -> int | None:
    if best.kind is Kind.OVERLOADED:
        return best.wait_ms or OVERLOAD_RETRY_MS
    if best.kind is Kind.CALLER_ERROR or best.wait_ms is None:
        return None
    return best.wait_ms if soonest is None else min(best.wait_ms, soonest)


def refused(state: State, refusal: Refusal) -> FinalAnswer:
    """Say what the caller gets when nobody (else) can serve the request in time."""
    if not state.outcomes:
        return refusals.answer(refusal, model=state.call.model, client=state.call.client)
    return _best(state, soonest=refusals.soonest_ms(refusal))


def unavailable(state: State) -> FinalAnswer:
    """Say what the caller gets when the engine is gone."""
    return _best(state, soonest=None) if state.outcomes else OwnAnswer(503, OUR_FAULT.type, "The pool is unavailable.")


def abandoned(fault: Fault) -> OwnAnswer:
    """Say what there is to say when a request ends by itself, between two calls."""
    if fault is Fault.CALLER_LEFT:
        return OwnAnswer(NOBODY.status, NOBODY.type, NOBODY.message)
    return OwnAnswer(OUR_FAULT.status, OUR_FAULT.type, OUR_FAULT.message)


def _own(outcome: Outcome) -> OwnAnswer:
    return OwnAnswer(outcome.caller.status, outcome.caller.type, outcome.caller.message)


def error(state: State, answer: FinalAnswer) -> tuple[str, str]:
    """Give the error's type and text for the ledger."""
    if isinstance(answer, OwnAnswer):
        return narration.error_of(answer, detail=state.outcomes[-1].why if state.outcomes else "")
    outcome = state.outcomes[answer.number - 1] if isinstance(answer, UpstreamAnswer) else state.outcomes[-1]
    return outcome.kind.value, f"{outcome.why} {outcome.detail}".strip()
