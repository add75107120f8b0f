"""What must be true, computed from the stream alone: sums, calls under way, probes in flight."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from quota.engine.stream import StreamEntry

ENDS = {"lease.settled", "lease.expired"}


@dataclass
class Sum:
    """What one account used on one day."""

    requests: int = 0
    tokens: int = 0
    cost: int = 0

    def add(self, requests: int, tokens: int, cost: int) -> None:
        self.requests += requests
        self.tokens += tokens
        self.cost += cost


def sums(entries: Iterable[StreamEntry], *, day: int) -> dict[str, Sum]:
    """By account: settled calls at their truth, dead ones at their estimate until a late settlement corrects it."""
    found: dict[str, Sum] = defaultdict(Sum)
    for entry in entries:
        if entry.type in ENDS and int(entry.fields["day"]) == day:
            found[entry.fields["account"]].add(*_change(entry))
    return dict(found)


def _change(entry: StreamEntry) -> tuple[int, int, int]:
    said = entry.fields
    if entry.type == "lease.expired":
        return 1, int(said["tokens"]), int(said["cost"])
    truth = (1, int(said["tokens"]), int(said["cost"])) if said["sent"] == "1" else (0, 0, 0)
    if said["late"] == "0":
        return truth
    return truth[0] - 1, truth[1] - int(said["est_tokens"]), truth[2] - int(said["est_cost"])


def under_way(entries: Sequence[StreamEntry]) -> dict[str, int]:
    """By account: the most calls that were ever under way at once."""
    most: Counter[str] = Counter()
    now: dict[str, set[str]] = defaultdict(set)
    for account, kind, lease in _steps(entries):
        if kind == "granted":
            now[account].add(lease)
            most[account] = max(most[account], len(now[account]))
        elif kind in ENDS:
            now[account].discard(lease)
    return dict(most)


def probes(entries: Sequence[StreamEntry]) -> tuple[int, int]:
    """How often breakers became half-open, and the most calls any of them let through at once while it was."""
    half_open: dict[str, set[str]] = {}
    times = most = 0
    for account, kind, lease in _steps(entries):
        if kind == "half_open":
            half_open[account] = set()
            times += 1
        elif kind in {"open", "closed"}:
            half_open.pop(account, None)
        elif kind == "granted" and account in half_open:
            half_open[account].add(lease)
            most = max(most, len(half_open[account]))
        elif kind in ENDS and account in half_open:
            half_open[account].discard(lease)
    return times, most


def _steps(entries: Sequence[StreamEntry]) -> Iterator[tuple[str, str, str]]:
    """(account, what happened, lease). A grant does not name its account, but the end of its lease does."""
    owner = {entry.fields["lease"]: entry.fields["account"] for entry in entries if entry.type in ENDS}
    for entry in entries:
        if entry.type == "granted":
            lease = entry.fields["payload"]
            if lease in owner:
                yield owner[lease], "granted", lease
        elif entry.type == "breaker":
            yield entry.fields["account"], entry.fields["to"], ""
        elif entry.type in ENDS:
            yield entry.fields["account"], entry.type, entry.fields["lease"]
