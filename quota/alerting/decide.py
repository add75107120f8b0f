"""Which alerts open, get worse and end. Pure: what is found, what is open, the time → changes.

# Note [Quiet]
#     What comes and goes within seconds (a limit per minute, a pool that is short of one account for a moment) would
#     raise and end an alert each time. So such an alert ends only when its cause has been gone for a while. A limit per
#     day or month falls when its window ends or somebody raises it; it is over at once, five percent below the warning.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from quota.alerting.values import CauseKind, Finding, OpenAlert
from quota.engine.types import Window

MINUTE_QUIET_MS: Final = 300_000
POOL_QUIET_MS: Final = 30_000
DRIFT_QUIET_MS: Final = 600_000
"""Longer than reports lag: each worker compares the counts for itself, once a minute."""
_QUIET_MS: Final = {
    CauseKind.POOL_LOW: POOL_QUIET_MS,
    CauseKind.POOL_EMPTY: POOL_QUIET_MS,
    CauseKind.REDIS_AWAY: POOL_QUIET_MS,
    CauseKind.DRIFT: DRIFT_QUIET_MS,
}


@dataclass(frozen=True, slots=True)
class Opened:
    finding: Finding


@dataclass(frozen=True, slots=True)
class Escalated:
    alert: OpenAlert
    finding: Finding


@dataclass(frozen=True, slots=True)
class Resolved:
    alert: OpenAlert


@dataclass(frozen=True, slots=True)
class Calmed:
    """The cause is gone since now (`since_ms`), or back (None). Nobody is told."""

    alert: OpenAlert
    since_ms: int | None


Change = Opened | Escalated | Resolved | Calmed


def decide(findings: Iterable[Finding], alerts: Iterable[OpenAlert], *, now_ms: int) -> list[Change]:
    """What must change so that the alerts say what is found."""
    found = {finding.cause.key: finding for finding in findings}
    known = {alert.cause: alert for alert in alerts}
    changes = [change for alert in known.values() for change in _judged(alert, found.get(alert.cause), now_ms=now_ms)]
    opened = (Opened(finding) for key, finding in found.items() if finding.level and key not in known)
    return [*changes, *opened]


def _judged(alert: OpenAlert, finding: Finding | None, *, now_ms: int) -> Iterator[Change]:
    if finding is None:
        yield from _ending(alert, now_ms=now_ms)
        return
    if finding.level and finding.level.rank > alert.level.rank:
        yield Escalated(alert, finding)
    if alert.calm_since_ms is not None:
        yield Calmed(alert, None)


def _ending(alert: OpenAlert, *, now_ms: int) -> Iterator[Change]:
    since_ms = now_ms if alert.calm_since_ms is None else alert.calm_since_ms
    if now_ms - since_ms >= quiet_ms(alert):
        yield Resolved(alert)
    elif alert.calm_since_ms is None:
        yield Calmed(alert, now_ms)


def quiet_ms(alert: OpenAlert) -> int:
    """How long its cause must have been gone; see Note [Quiet]."""
    if alert.kind is CauseKind.LIMIT and alert.detail.endswith(Window.MINUTE):
        return MINUTE_QUIET_MS
    return _QUIET_MS.get(alert.kind, 0)
