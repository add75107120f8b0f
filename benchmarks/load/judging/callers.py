"""What callers were told."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.finding import Finding, none_of
from benchmarks.load.seen import Asked, Seen


def all_served(seen: Seen, *, total: int) -> Finding:
    """Nobody heard of an error while somebody could serve."""
    wrong = [f"request {one.number}: {one.status} {one.said}" for one in seen.asked if one.status != 200]
    if len(seen.asked) != total:
        wrong.append(f"{len(seen.asked):,} of {total:,} requests were asked")
    return none_of("every caller is served", wrong, of=total, noun="request")


def served_or_refused(seen: Seen) -> Finding:
    """An answer or an honest refusal, nothing else; and some of each."""
    counted = Counter(one.status for one in seen.asked)
    wrong = [f"request {one.number}: {one.status} {one.said}" for one in seen.asked if one.status not in {200, 429}]
    told = ", ".join(f"{count:,} x {status}" for status, count in sorted(counted.items()))
    return Finding("answers are 200 or 429", not wrong and {200, 429} <= set(counted), wrong[0] if wrong else told)


def named(seen: Seen, words: str) -> Finding:
    """Each refusal says which limit it was, to the caller and in the ledger."""
    wrong = [
        f"request {one.number}: “{one.said}”, in the ledger “{_decision(seen, one)}”"
        for one in seen.refused
        if words not in one.said or words not in _decision(seen, one)
    ]
    return none_of(f"refusals name the {words}", wrong, of=len(seen.refused), noun="refusal")


def _decision(seen: Seen, one: Asked) -> str:
    failed = seen.books.failed.get(one.activity)
    return failed.decision if failed else ""


def most_at_once(asked: Sequence[Asked]) -> int:
    """How many requests were under way at the same time, as their callers see it."""
    moments = sorted([(one.began, 1) for one in asked] + [(one.ended, -1) for one in asked])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def concurrent(seen: Seen, *, users: int) -> Finding:
    """So many asked at once; otherwise the scenario was none."""
    most = most_at_once(seen.asked)
    return Finding("so many ask at once", most >= users, f"{most:,} of {users:,}")
