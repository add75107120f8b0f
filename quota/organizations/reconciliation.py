"""Our count beside Anthropic's, per account and UTC day.

Anthropic's reports lag, so a difference means something only for days that are over by its own word (`complete_until`,
or two days ago where it does not say). What it counted and we did not is usage that did not pass through us.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import reduce
from operator import add

from django.db.models import Sum

from quota.facts import TOKEN_KINDS, Span
from quota.models import Organization, OrganizationKey, ReportedUsage, UsageRollup
from quota.organizations.counts import Count, Line, lines

_TOKENS = tuple(kind for kind in TOKEN_KINDS if kind.endswith("_tokens"))


def reconcile(organization: Organization, *, first: date, last: date, now: datetime) -> list[Line]:
    """Every matched account on every day of these on which either counted something, the latest first."""
    accounts = {
        key.key_id: str(key.account_id)
        for key in OrganizationKey.objects.filter(organization=organization)
        if key.account_id
    }
    theirs = reported(organization, accounts, first=first, last=last)
    ours = _ours(accounts.values(), first=first, last=last)
    return lines(ours, theirs, complete_until=organization.complete_until, now=now)


def reported(
    organization: Organization, accounts: Mapping[str, str], *, first: date, last: date
) -> dict[tuple[str, date], Count]:
    """What Anthropic says these keys used; `accounts` maps a key's id to the account that holds it."""
    rows = ReportedUsage.objects.filter(organization=organization, key_id__in=accounts, day__range=(first, last))
    return {
        (accounts[row.key_id], row.day): Count(sum(getattr(row, kind) for kind in _TOKENS), row.cost_nano)
        for row in rows
    }


def _ours(accounts: Iterable[str], *, first: date, last: date) -> dict[tuple[str, date], Count]:
    """By what was reported to us, not by what was estimated: Anthropic knows nothing of our estimates."""
    days = UsageRollup.objects.filter(
        account__in=list(accounts), span=Span.DAY, starts_at__date__gte=first, starts_at__date__lte=last
    )
    used = reduce(add, map(Sum, _TOKENS))
    rows = days.order_by().values("account_id", "starts_at").annotate(used=used, paid=Sum("cost_nano"))
    return {
        (str(account), starts.date()): Count(tokens, paid)
        for account, starts, tokens, paid in rows.values_list("account_id", "starts_at", "used", "paid")
    }
