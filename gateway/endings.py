"""What a request came to, read off its state and the answers it got. Pure."""

from collections.abc import Mapping

from gateway import responses
from gateway.calls import Delivered, OwnAnswer, UpstreamAnswer
from gateway.moves import State
from gateway.responses import Provenance, Response, Saved
from quota.records import ActivityEnded


def provenance(state: State) -> Provenance:
    """Say which account was asked last, and how many calls there were."""
    lease = state.lease
    account = lease.account if lease else (state.tried[-1] if state.tried else "")
    return Provenance(state.call.activity, account, state.number)


def response(state: State, saved: Mapping[int, Saved]) -> Response:
    """Give the answer; `saved` are those of the upstream, by the number of the call."""
    origin = provenance(state)
    match state.answer:
        case Delivered():
            return responses.whole(saved[state.number], origin)
        case OwnAnswer() as answer:
            return responses.own(answer, origin)
        case None:
            raise TypeError("a request without an answer")
        case answer:
            return responses.failed(saved[answer.number], answer, origin)


def record(state: State) -> ActivityEnded:
    """Give how it ended. Raises TypeError before that."""
    if state.ended is None:
        raise TypeError("a request that is over without a record")
    return state.ended


def status(state: State, saved: Mapping[int, Saved]) -> int:
    """Say what status the caller was told."""
    match state.answer:
        case OwnAnswer() as answer:
            return answer.status
        case UpstreamAnswer(number):
            return saved[number].status
        case _:
            return record(state).attempts[-1].status or 0
