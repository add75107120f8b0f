"""Alerts written down: changes in one transaction, in the order of the snapshots they were judged from.

# Note [One judge]
#     Any number of workers watch. Each takes the row of `PoolWatch` by a conditional update that names the instant of
#     its snapshot: the row's lock makes them queue up, and who saw less than what was judged already changes nothing.
#     Steps are inserted in the same transaction and told after it; who tells claims a step first. A worker that dies
#     between telling and saying so has the step told again, under the same alert and number, which readers know.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from accounts.models import Pool
from quota.alerting.decide import Calmed, Change, Escalated, Opened, Resolved, decide
from quota.alerting.values import CauseKind, Finding, Level, OpenAlert, StepKind
from quota.engine.types import NEVER
from quota.facts import LONG, NAME
from quota.models import PoolWatch, QuotaAlert, QuotaAlertStep
from quota.models.alerts import CAUSE, TEXT
from quota.parsing import instant, text
from quota.records import AlertMoved

CLOCK_SET_BACK_MS: Final = 60_000
"""A snapshot this much older than the last one judged is not late: Redis's clock was wrong, or is."""
CLAIMED_FOR: Final = timedelta(seconds=10)
AT_ONCE: Final = 500
"""Steps told in one go."""

Explain = Callable[[Finding], str]
"""What to add to a finding's text when people are told; it may ask the database."""


def claim_look(pool_id: uuid.UUID, *, now: datetime, every: timedelta) -> bool:
    """Whether it is this worker's turn: nobody set out to look at the pool within `every`."""
    PoolWatch.objects.bulk_create([PoolWatch(pool_id=pool_id, summary_day=now.date())], ignore_conflicts=True)
    stale = Q(looked_at=None) | Q(looked_at__lte=now - every) | Q(looked_at__gt=now + every)
    return bool(PoolWatch.objects.filter(stale, pk=pool_id).update(looked_at=now))


@transaction.atomic
def judge(
    pool_id: uuid.UUID,
    findings: Sequence[Finding],
    *,
    now_ms: int,
    explain: Explain = lambda _: "",
    kinds: Collection[CauseKind] = tuple(CauseKind),
) -> int:
    """Make the alerts say what was found at `now_ms`; how many steps that took. See Note [One judge].

    `kinds`: what was looked for; alerts of other kinds stay as they are.
    """
    newer = Q(seen_ms__lt=now_ms) | Q(seen_ms__gt=now_ms + CLOCK_SET_BACK_MS)
    if not PoolWatch.objects.filter(newer, pk=pool_id).update(seen_ms=now_ms):
        return 0
    rows = {str(row.pk): row for row in QuotaAlert.objects.open().filter(pool=pool_id, kind__in=kinds)}
    changes = decide(findings, map(_as_open, rows.values()), now_ms=now_ms)
    return sum(_apply(pool_id, rows, change, now_ms=now_ms, explain=explain) for change in changes)


@transaction.atomic
def resolve_orphans(*, now: datetime) -> int:
    """End the alerts of pools that were deleted; how many."""
    orphans = QuotaAlert.objects.open().exclude(pool__in=Pool.objects.values("pk")).select_for_update()
    alerts = list(orphans.order_by("pk"))
    for alert in alerts:
        alert.resolved_at = now
        alert.save(update_fields=["resolved_at"])
        add_step(alert, StepKind.RESOLVED, at=now)
    PoolWatch.objects.exclude(pk__in=Pool.objects.values("pk")).delete()
    return len(alerts)


def claim_untold(pool_id: uuid.UUID, *, now: datetime) -> list[tuple[int, AlertMoved]]:
    """Take the steps nobody is telling, in their order, for as long as `CLAIMED_FOR`; each with its id."""
    return _claimed(Q(alert__pool=pool_id), now=now)


def claim_untold_orphans(*, now: datetime) -> list[tuple[int, AlertMoved]]:
    """Take those of pools that were deleted, whose streams nobody reads any more."""
    return _claimed(~Q(alert__pool__in=Pool.objects.values("pk")), now=now)


def _claimed(which: Q, *, now: datetime) -> list[tuple[int, AlertMoved]]:
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIMED_FOR)
    untold = QuotaAlertStep.objects.filter(free, which, told=False)
    ids = list(untold.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    mine = [pk for pk in ids if QuotaAlertStep.objects.filter(free, pk=pk, told=False).update(claimed_at=now)]
    return [(step.pk, as_moved(step)) for step in QuotaAlertStep.objects.filter(pk__in=mine).select_related("alert")]


def mark_told(ids: Iterable[int]) -> None:
    """Say that these are in the stream."""
    QuotaAlertStep.objects.filter(pk__in=list(ids)).update(told=True)


def add_step(alert: QuotaAlert, kind: StepKind, *, at: datetime, by: str = "") -> None:
    """Write the alert's next step, as the alert stands. Call it in the transaction that changed it."""
    QuotaAlert.objects.filter(pk=alert.pk).update(steps=F("steps") + 1)
    alert.refresh_from_db(fields=["steps"])
    said = {"level": alert.level, "title": alert.title, "text": alert.text}
    QuotaAlertStep.objects.create(alert=alert, number=alert.steps, kind=kind, at=at, by=by, **said)


def _as_open(row: QuotaAlert) -> OpenAlert:
    return OpenAlert(
        id=str(row.pk),
        cause=row.cause,
        kind=CauseKind(row.kind),
        detail=row.detail,
        level=Level(row.level),
        calm_since_ms=_ms(row.calm_since) if row.calm_since else None,
    )


def _apply(pool_id: uuid.UUID, rows: Mapping[str, QuotaAlert], change: Change, *, now_ms: int, explain: Explain) -> int:
    at = instant(now_ms)
    match change:
        case Opened(finding):
            _write(_opened(pool_id, finding, at=at), finding, StepKind.OPENED, at=at, explain=explain)
        case Escalated(alert, finding):
            # Whoever took note of the warning has not yet taken note of this.
            row = rows[alert.id]
            row.acknowledged_at, row.acknowledged_by = None, ""
            _write(row, finding, StepKind.ESCALATED, at=at, explain=explain)
        case Resolved(alert):
            row = rows[alert.id]
            row.resolved_at = at
            row.save(update_fields=["resolved_at"])
            add_step(row, StepKind.RESOLVED, at=at)
        case Calmed(alert, since_ms):
            since = None if since_ms is None else instant(since_ms)
            QuotaAlert.objects.filter(pk=alert.id).update(calm_since=since)
            return 0
    return 1


def _opened(pool_id: uuid.UUID, finding: Finding, *, at: datetime) -> QuotaAlert:
    cause = finding.cause
    return QuotaAlert(
        pool_id=pool_id,
        cause=text(cause.key, CAUSE),
        kind=cause.kind,
        subject=cause.subject,
        subject_id=text(cause.id, NAME),
        detail=text(cause.detail, NAME),
        opened_at=at,
    )


def _write(row: QuotaAlert, finding: Finding, step: StepKind, *, at: datetime, explain: Explain) -> None:
    row.level = finding.level or row.level
    row.subject_name, row.title = text(finding.name, LONG), text(finding.title, CAUSE)
    row.text = text(" ".join(filter(None, (finding.text, explain(finding)))), TEXT)
    row.used, row.amount = (finding.used, finding.limit.amount) if finding.limit else (None, None)
    row.until_at = instant(finding.until_ms) if 0 < finding.until_ms < NEVER else None
    row.save()
    add_step(row, step, at=at)


def as_moved(step: QuotaAlertStep) -> AlertMoved:
    """The step as others are told of it."""
    alert = step.alert
    return AlertMoved(
        alert=str(alert.pk),
        number=step.number,
        step=step.kind,
        pool=str(alert.pool_id),
        kind=alert.kind,
        level=step.level,
        subject=alert.subject,
        subject_id=alert.subject_id,
        title=step.title,
        text=step.text,
        since_ms=_ms(alert.opened_at),
        at_ms=_ms(step.at),
        by=step.by,
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000 + 0.5)
