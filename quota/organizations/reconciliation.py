"""Our count beside Anthropic's, per account and UTC day.

Anthropic's reports lag, so a difference means something only for days that are over by its own word (`complete_until`,
or two days ago where it does not say). What it counted and we did not is usage that did not pass through us.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import add

from django.db.models import Sum

from quota.facts import TOKEN_KINDS, Span
from quota.models import Organization, OrganizationKey, ReportedUsage, UsageRollup

_TOKENS = tuple(kind for kind in TOKEN_KINDS if kind.endswith("_tokens"))


@dataclass(frozen=True, slots=True)
class Count:
    """Money in nano-dollars; None where it is not told by key."""

    tokens: int = 0
    cost_nano: int | None = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One account on one day. `final`: Anthropic's count is complete."""

    account: str
    day: date
    ours: Count
    theirs: Count
    final: bool

    @property
    def tokens(self) -> int:
        """Theirs less ours: positive is usage that did not pass through us."""
        return self.theirs.tokens - self.ours.tokens

    @property
    def cost_nano(self) -> int | None:
        if self.theirs.cost_nano is None or self.ours.cost_nano is None:
            return None
        return self.theirs.cost_nano - self.ours.cost_nano

    @property
    def drift_ppm(self) -> int:
        """The difference in tokens, in parts per million of the larger count."""
        larger = max(self.ours.tokens, self.theirs.tokens)
        return abs(self.tokens) * 1_000_000 // larger if larger else 0


def reconcile(organization: Organization, *, first: date, last: date, now: datetime) -> list[Line]:
    """Every matched account on every day of these on which either counted something, the latest first."""
    accounts = {
        key.key_id: str(key.account_id)
        for key in OrganizationKey.objects.filter(organization=organization)
        if key.account_id
    }
    theirs = _theirs(organization, accounts, first=first, last=last)
    ours = _ours(accounts.values(), first=first, last=last)
    return lines(ours, theirs, complete_until=organization.complete_until, now=now)


def lines(
    ours: Mapping[tuple[str, date], Count],
    theirs: Mapping[tuple[str, date], Count],
    *,
    complete_until: datetime | None,
    now: datetime,
) -> list[Line]:
    """Put the two counts side by side. Pure."""
    final = (complete_until or now - timedelta(days=1)).astimezone(UTC).date()
    places = sorted(ours.keys() | theirs.keys(), key=lambda place: (-place[1].toordinal(), place[0]))
    return [
        Line(account, day, ours.get((account, day), Count()), theirs.get((account, day), Count()), final=day < final)
        for account, day in places
    ]


def _theirs(
    organization: Organization, accounts: Mapping[str, str], *, first: date, last: date
) -> dict[tuple[str, date], Count]:
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
