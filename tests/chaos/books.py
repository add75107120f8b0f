"""Whether the books agree: requests with activities, attempts with calls, charges with bills. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from quota.engine.types import Event
from quota.engine.views import PoolSnapshot
from quota.records import (
    ACTIVITY_COMPLETED,
    ACTIVITY_FAILED,
    ACTIVITY_STARTED,
    ActivityEnded,
    ActivityStarted,
    AttemptRecord,
)
from tests.chaos.caller import Answer
from tests.chaos.judging import Word
from tests.chaos.witness import Log, Met

_ENDS = (ACTIVITY_COMPLETED, ACTIVITY_FAILED)
_WORDLESS = {"timeout", "cut", "malformed", "caller_left"}
"""Outcomes of calls of which Anthropic said nothing that could be relied on."""


@dataclass(slots=True)
class Books:
    """What the events say of all requests, and sums over it."""

    started: Counter[str]
    ended: dict[str, ActivityEnded]
    ends: Counter[str]
    charged_known: int = 0
    billed_known: int = 0
    charged_unknown: int = 0
    calls_unknown: int = 0
    wrong: list[str] = field(default_factory=list)


def audit(answers: Sequence[Answer], events: Sequence[Event], log: Log, snapshot: PoolSnapshot) -> Books:
    """Compare everything with everything."""
    ended = [ActivityEnded.from_json(event.payload) for event in events if event.type in _ENDS]
    started = [ActivityStarted.from_json(event.payload) for event in events if event.type == ACTIVITY_STARTED]
    books = Books(
        Counter(one.activity for one in started),
        {one.activity: one for one in ended},
        Counter(one.activity for one in ended),
    )
    books.wrong += _counts(books, answers)
    for answer in answers:
        books.wrong += [f"request {answer.asked.number}: {said}" for said in _one(books, answer, log)]
    books.wrong += _state(books, snapshot)
    return books


def _counts(books: Books, answers: Sequence[Answer]) -> Iterator[str]:
    asked, begun, over = len(answers), books.started.total(), books.ends.total()
    if not asked == begun == over:
        yield f"{asked} requests, {begun} activities started, {over} ended"


def _one(books: Books, answer: Answer, log: Log) -> Iterator[str]:
    name = answer.activity
    if not name:
        yield "its answer names no activity"
        return
    if (books.started[name], books.ends[name]) != (1, 1):
        yield f"its activity started {books.started[name]} times and ended {books.ends[name]} times"
        return
    ended, met = books.ended[name], log.of(answer.asked.number)
    if answer.seen.word is not Word.LEFT and ended.ok is not (answer.seen.word is Word.WHOLE):
        yield f"the ledger says ok={ended.ok}; the caller saw {answer.seen}"
    if [attempt.account for attempt in ended.attempts] != [one.call.account for one in met]:
        yield f"{len(ended.attempts)} attempts in the ledger are not the {len(met)} calls that were made"
        return
    for attempt, one in zip(ended.attempts, met, strict=True):
        yield from _charge(books, attempt, one)


def _charge(books: Books, attempt: AttemptRecord, met: Met) -> Iterator[str]:
    """What is known must agree to the token; what nobody knows must be charged as something.

    A stream that says instead of an answer that it failed leaves open what it cost: nothing is charged for it, and the
    double bills it. So it counts as unknown and may be free.
    """
    charged, billed = attempt.charged_tokens, met.billed or 0
    refused = met.billed is None and (met.call.status >= 300 or attempt.outcome == "unexpected")
    if attempt.outcome == "success" or refused:
        books.charged_known += charged
        books.billed_known += billed
        if charged != billed:
            yield f"{charged} tokens charged, {billed} billed ({met.call.fault or 'no fault'}, {attempt.outcome})"
        return
    books.charged_unknown += charged
    books.calls_unknown += 1
    if not charged and attempt.outcome in _WORDLESS:
        yield f"nothing charged for a call of unknown fate ({met.call.fault or 'no fault'}, {attempt.outcome})"


def _state(books: Books, snapshot: PoolSnapshot) -> Iterator[str]:
    if snapshot.leases:
        yield f"{snapshot.leases} leases are left"
    ledger: Counter[str] = Counter()
    for ended in books.ended.values():
        for attempt in ended.attempts:
            ledger[attempt.account] += attempt.charged_tokens
    for name, state in snapshot.accounts.items():
        if state.in_flight or state.reserved_tokens:
            yield f"{name}: {state.in_flight} calls and {state.reserved_tokens} tokens are still held"
        if state.month_tokens != ledger[name]:
            yield f"{name}: {state.month_tokens} tokens used by its counters, {ledger[name]} by the ledger"
