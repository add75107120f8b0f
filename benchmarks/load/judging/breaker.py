"""An account that fails is set aside, probed, and taken back: as the double saw it.

Calls are judged by when they were over: that is when the pool learns of them.
"""

from collections.abc import Sequence
from typing import Final

from benchmarks.finding import Finding
from benchmarks.load.seen import Received, Seen

THRESHOLD: Final = 5
HEARD: Final = 1.0
"""Seconds that a failure may take to be settled, on a busy machine, beside the longest delay of a call."""
BACK: Final = 5
"""So many calls after the probe show that the account serves again."""


def opened_at(calls: Sequence[Received]) -> float | None:
    """When the fifth failure in a row was over; None if it never came to that."""
    row = 0
    for one in sorted(calls, key=lambda call: call.until):
        row = row + 1 if one.status >= 500 else 0
        if row == THRESHOLD:
            return one.until
    return None


def set_aside(seen: Seen, account: str) -> Finding:
    """After its fifth failure in a row a dead account is not asked again."""
    what, calls = f"{account} is set aside after {THRESHOLD} failures", seen.at_account(account)
    opened = opened_at(calls)
    if opened is None:
        return Finding(what, holds=False, seen="it never failed so often")
    late = [one for one in calls if one.at > opened + seen.delay + HEARD]
    failed = sum(one.status >= 500 for one in calls)
    return Finding(what, not late, f"{failed} calls failed, {len(late)} of them later")


def probes(seen: Seen, account: str) -> list[Received]:
    """What reached it after it was set aside, up to the first success."""
    calls = seen.at_account(account)
    if (opened := opened_at(calls)) is None:
        return []
    later = [one for one in calls if one.at > opened + seen.delay + HEARD]
    served = next((place for place, one in enumerate(later) if one.status == 200), len(later))
    return later[: served + 1]


def one_probe(seen: Seen, account: str) -> Finding:
    """While a probe is under way nothing else reaches the account; one of them failed, one succeeded."""
    tried, calls = probes(seen, account), seen.at_account(account)
    beside = [one for probe in tried for one in calls if probe.at < one.at < probe.until]
    statuses = [one.status for one in tried]
    holds = not beside and len(tried) >= 2 and statuses[-1] == 200
    return Finding("one probe at a time", holds, f"probes: {statuses}; beside them: {len(beside)}")


def half_opens(seen: Seen, account: str, *, seconds: float) -> Finding:
    """It is left alone for the breaker's whole time, and no request longer."""
    what, tried, calls = f"half-open after {seconds:g} s", probes(seen, account), seen.at_account(account)
    opened = opened_at(calls)
    if opened is None or not tried:
        return Finding(what, holds=False, seen="it was never set aside, or never probed")
    ends = [opened, *(one.until for one in tried[:-1])]
    waits = [probe.at - end for probe, end in zip(tried, ends, strict=True)]
    soon_enough = all(wait < seconds + seen.delay + HEARD + 1 for wait in waits)
    return Finding(what, min(waits) >= seconds and soon_enough, f"after {', '.join(f'{wait:.2f}' for wait in waits)} s")


def recovered(seen: Seen, account: str) -> Finding:
    """After the good probe it serves again, without anybody's doing."""
    tried = probes(seen, account)
    after = [one for one in seen.at_account(account) if tried and one.at > tried[-1].until]
    good = sum(one.status == 200 for one in after)
    state = seen.books.breakers.get(account, "unknown")
    holds = good == len(after) >= BACK and state == "closed"
    return Finding("it recovers alone", holds, f"{good} of {len(after)} calls after the probe served; breaker {state}")
