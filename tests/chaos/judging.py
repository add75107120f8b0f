"""Whether what a caller saw is what the expectations allow for the faults his request met. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.chaos.faults import BY_LABEL
from tests.chaos.kinds import Kind, Must, Spends

ATTEMPTS: Final = 3
"""Failures of upstreams after which a request may give up."""
ACCOUNTS: Final = 5


class Word(StrEnum):
    """What a caller was left with."""

    WHOLE = "whole"
    BROKEN = "broken"  # content, then an error event
    REFUSED = "refused"  # an error's status, and nothing of an answer
    LEFT = "left"  # he hung up himself
    SILENT = "silent end"  # content, and then a polite end that tells nothing
    SPLICED = "spliced"  # parts of more than one answer, or an error behind the end
    GARBLED = "garbled"  # not what the model said
    CUT = "cut off"  # the connection broke


@dataclass(frozen=True, slots=True)
class Seen:
    """A caller's experience. `stop_seen`: the end of a whole answer reached him."""

    word: Word
    status: int = 200
    stop_seen: bool = False

    def __str__(self) -> str:
        return str(self.status) if self.word is Word.REFUSED else self.word.value


@dataclass(frozen=True, slots=True)
class Call:
    """One upstream call of a request: the account, the fault it met (or none), the status that was sent."""

    account: str
    fault: str = ""
    status: int = 200


_LAST: Final = {
    Must.SERVE: {Word.WHOLE},
    Must.BREAK: {Word.BROKEN},
    Must.SERVE_OR_BREAK: {Word.WHOLE, Word.BROKEN},
}
_HEALTHY: Final = Kind("no fault", Must.SERVE, Must.SERVE)


def complaint(calls: Sequence[Call], seen: Seen, *, stream: bool) -> str:
    """Say what is wrong, or nothing."""
    if not calls:
        return f"asked no account, and saw {seen}"
    if len({call.account for call in calls}) < len(calls):
        return "asked an account twice"
    for number, call in enumerate(calls[:-1], start=1):
        if not _kind(call).must(stream=stream).may_move_on:
            return f"went on to another account after {_kind(call).label}"
        if exhausted(calls[:number]):
            return f"went on after {number} calls had used up its attempts"
    return _last(calls, seen, stream=stream)


def exhausted(calls: Sequence[Call]) -> bool:
    """Whether there is nothing left to try: attempts, tolerance for one overload, or accounts."""
    spends = [_kind(call).spends for call in calls if call.fault]
    used = sum(spent is not Spends.NOTHING for spent in spends)
    return used >= ATTEMPTS or spends.count(Spends.ONCE) > 1 or len(calls) >= ACCOUNTS


def _last(calls: Sequence[Call], seen: Seen, *, stream: bool) -> str:
    must = _kind(calls[-1]).must(stream=stream)
    if must is Must.MOVE_ON:
        return _given_up(calls, seen)
    if must is Must.PASS_ON:
        fine = seen.word is Word.REFUSED and seen.status == calls[-1].status
    elif must is Must.BREAK and seen.word is Word.REFUSED:
        return _given_up(calls, seen)
    else:
        fine = seen.word in _LAST[must] or (seen.word is Word.LEFT and not seen.stop_seen)
    return "" if fine else f"must {must.value}; saw {seen}"


def _given_up(calls: Sequence[Call], seen: Seen) -> str:
    if not exhausted(calls):
        return f"was not tried on a healthy account; saw {seen}"
    heard = {_kind(call).status for call in calls}
    fine = seen.word is Word.REFUSED and seen.status in heard
    return "" if fine else f"may hear {sorted(heard)} when all has failed; saw {seen}"


def _kind(call: Call) -> Kind:
    return BY_LABEL[call.fault] if call.fault else _HEALTHY
