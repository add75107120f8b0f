"""What was used of a pool's accounts past the pool, by Anthropic's count: for the engine to count against their limits.

# Note [Honest about the lag]
#     Anthropic's count of today reaches to the instant it names (or, where it names none, at the latest to when we
#     asked), some minutes ago. So ours is taken up to the same instant: otherwise our own calls of the last minutes
#     would hide what others used. Ours is what the engine was charged, estimates included: a call whose end nobody
#     heard of is in both counts and must not be taken twice. If our ledger is behind for a moment, too much is found,
#     and taken back with the next look; the engine is told the whole amount each time, never a difference.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time
from typing import Final

from django.db.models import Sum

from quota.engine.types import Foreign
from quota.facts import Span
from quota.models import Attempt, Organization, OrganizationKey, UsageRollup
from quota.organizations.counts import Count, beyond
from quota.organizations.reconciliation import reported

_NOTHING: Final = Foreign()

ByDay = dict[str, dict[date, Count]]


def foreign_of(pool_id: uuid.UUID, *, today: date) -> dict[str, Foreign]:
    """By account, where there is any. See Note [Honest about the lag]."""
    found: dict[str, Foreign] = {}
    for organization, accounts in _accounts(pool_id).items():
        until = organization.complete_until or organization.synced_at
        if until is not None:
            found |= _of_organization(organization, accounts, until=until, today=today)
    return {account: used for account, used in found.items() if used != _NOTHING}


def _accounts(pool_id: uuid.UUID) -> dict[Organization, dict[str, str]]:
    """Key ids and accounts of the pool, by organization."""
    keys = OrganizationKey.objects.filter(account__pool=pool_id).select_related("organization")
    found: dict[Organization, dict[str, str]] = defaultdict(dict)
    for key in keys:
        found[key.organization][key.key_id] = str(key.account_id)
    return found


def _of_organization(
    organization: Organization, accounts: Mapping[str, str], *, until: datetime, today: date
) -> dict[str, Foreign]:
    theirs: ByDay = defaultdict(dict)
    for (account, day), count in reported(organization, accounts, first=today.replace(day=1), last=today).items():
        theirs[account][day] = count
    ours = _charged(accounts.values(), until=until, today=today)
    return {account: beyond(ours[account], theirs[account], today=today) for account in accounts.values()}


def _charged(accounts: Collection[str], *, until: datetime, today: date) -> ByDay:
    midnight = datetime.combine(today, time.min, tzinfo=UTC)
    days = UsageRollup.objects.filter(
        account__in=list(accounts), span=Span.DAY, starts_at__gte=midnight.replace(day=1), starts_at__lte=midnight
    )
    rows = days.order_by().values("account_id", "starts_at").annotate(used=Sum("tokens"), paid=Sum("cost_nano"))
    found: ByDay = defaultdict(dict)
    for account, starts, used, paid in rows.values_list("account_id", "starts_at", "used", "paid"):
        found[str(account)][starts.date()] = Count(used, paid)
    for late, since in _charged_since(accounts, until, today=today).items():
        found[late][today] = found[late].get(today, Count()) + since
    return found


def _charged_since(accounts: Collection[str], until: datetime, *, today: date) -> dict[str, Count]:
    """What today's calls granted after `until` were charged, below zero."""
    calls = Attempt.objects.filter(account__in=list(accounts), usage_day=today, granted_at__gt=until)
    rows = calls.order_by().values("account_id").annotate(used=Sum("tokens"), paid=Sum("cost_nano"))
    return {str(account): Count(-used, -paid) for account, used, paid in rows.values_list("account_id", "used", "paid")}
