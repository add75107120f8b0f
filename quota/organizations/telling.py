"""What the Admin API told of a pool's accounts and their organizations, for whoever judges it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from quota.alerting.values import AllowedFacts, Compared, LimitsChanged, Told
from quota.models import Organization, OrganizationKey, RateLimit
from quota.organizations.counts import Line, final_day
from quota.organizations.reconciliation import reconcile

NEWS: Final = timedelta(days=1)
"""So long a change of rate limits is worth an alert."""
_MODELS: Final = "model_group"
_RPM: Final = "requests_per_minute"


def told_of(pool_id: uuid.UUID, *, now: datetime) -> Told:
    """Read it. One question for a pool none of whose accounts an Admin key knows."""
    keys = OrganizationKey.objects.filter(account__pool=pool_id).select_related("organization")
    organizations = {key.organization_id: key.organization for key in keys}
    mine = {str(key.account_id) for key in keys}
    compared: dict[str, Compared] = {}
    for organization in organizations.values():
        compared |= _compared(organization, mine, now=now)
    allowed = {one.anthropic_id or "": _allowed(one, now=now) for one in organizations.values()}
    return Told(compared, allowed)


def _compared(organization: Organization, accounts: set[str], *, now: datetime) -> dict[str, Compared]:
    if organization.synced_at is None:
        return {}
    today = now.astimezone(UTC).date()
    first = (today - timedelta(days=2)).replace(day=1)
    by_account: dict[str, list[Line]] = {}
    for line in reconcile(organization, first=first, last=today, now=now):
        if line.account in accounts:
            by_account.setdefault(line.account, []).append(line)
    final = final_day(organization.complete_until, now=now)
    return {account: Compared(tuple(lines), final) for account, lines in by_account.items()}


def _allowed(organization: Organization, *, now: datetime) -> AllowedFacts:
    rows = list(RateLimit.objects.filter(organization=organization))
    rpm = {row.group: row.limits[_RPM] for row in rows if row.kind == _MODELS and _RPM in row.limits}
    changed = (_change(row) for row in rows if row.changed_at and row.changed_at > now - NEWS)
    return AllowedFacts(organization.name, rpm, tuple(change for change in changed if change))


def _change(row: RateLimit) -> LimitsChanged | None:
    return LimitsChanged(row.group, row.before, row.limits, row.changed_at) if row.changed_at else None
