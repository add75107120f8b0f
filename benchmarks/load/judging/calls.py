"""What the accounts received."""

from collections import Counter
from collections.abc import Mapping

from benchmarks.finding import Finding, none_of
from benchmarks.load.seen import Seen


def spread(seen: Seen, sizes: Mapping[str, int], *, tolerance: float = 0.02) -> Finding:
    """Each account serves its part of the whole capacity. `tolerance`: of all requests."""
    served = Counter(one.account for one in seen.received if one.status == 200)
    total, capacity = served.total(), sum(sizes.values())
    told = ", ".join(f"{name} {served[name]} ({total * size / capacity:.0f})" for name, size in sizes.items())
    off = max(abs(served[name] - total * size / capacity) for name, size in sizes.items())
    return Finding("the spread follows capacity", total > 0 and off <= max(1.0, total * tolerance), told)


def once_each(seen: Seen) -> Finding:
    """No request goes to an account twice, or on after it was served, or to more than three."""
    calls: dict[int, list[tuple[str, int]]] = {}
    for one in sorted(seen.received, key=lambda call: call.at):
        calls.setdefault(one.number, []).append((one.account, one.status))
    wrong = [f"request {number}: {went}" for number, went in calls.items() if _astray(went)]
    return none_of("no request goes astray", wrong, of=len(calls), noun="request")


def _astray(went: list[tuple[str, int]]) -> bool:
    accounts = [account for account, _ in went]
    served_before_the_end = any(status == 200 for _, status in went[:-1])
    return len(set(accounts)) < len(accounts) or served_before_the_end or len(accounts) > 3


def every_failure_found_another(seen: Seen) -> Finding:
    """Who met a failure was served elsewhere."""
    served = {one.number for one in seen.received if one.status == 200}
    met = {one.number for one in seen.received if one.fault}
    wrong = [f"request {number}" for number in sorted(met - served)]
    return none_of("who met a failure is served elsewhere", wrong, of=len(met), noun="failover")
