"""The part of a scrape that the Admin API tells: how far Anthropic's count is from ours, and how old that word is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from accounts.models import ClaudeAccount
from accounts.money import from_nano
from quota.metrics.catalogue import ADMIN_API_AGE, UNCOUNTED_COST, UNCOUNTED_TOKENS
from quota.metrics.sheet import Sheet
from quota.models import Organization
from quota.organizations.counts import Count, Line
from quota.organizations.reconciliation import reconcile


@dataclass(frozen=True, slots=True)
class Reconciled:
    """By account: its pool's id and theirs less ours. By organization: seconds since it was last in step."""

    pools: Mapping[str, str] = field(default_factory=dict)
    differences: Mapping[str, Count] = field(default_factory=dict)
    ages: Mapping[str, float] = field(default_factory=dict)


def read(now: datetime) -> Reconciled:
    """Ask the database: one question where there is no organization. Raises Django's database errors."""
    heard = [one for one in Organization.objects.all() if one.synced_at]
    if not heard:
        return Reconciled()
    pools = {str(pk): str(pool) for pk, pool in ClaudeAccount.objects.values_list("pk", "pool_id")}
    differences: dict[str, Count] = {}
    for organization in heard:
        for line in _final(organization, now=now):
            known = differences.get(line.account, Count())
            differences[line.account] = known + Count(line.tokens, line.cost_nano)
    ages = {one.name: (now - one.synced_at).total_seconds() for one in heard if one.synced_at}
    return Reconciled(pools, differences, ages)


def _final(organization: Organization, *, now: datetime) -> list[Line]:
    """The final days of the month that the last of them is in."""
    today = now.astimezone(UTC).date()
    lines = reconcile(organization, first=(today - timedelta(days=2)).replace(day=1), last=today, now=now)
    final = [line for line in lines if line.final]
    month = final[0].day.replace(day=1) if final else today
    return [line for line in final if line.day >= month]


def put(sheet: Sheet, found: Reconciled, *, names: Mapping[str, str]) -> None:
    """Write it down, for accounts that are still there."""
    for account, difference in found.differences.items():
        if account not in found.pools:
            continue
        where = (names.get(found.pools[account], "gone"), names.get(account, "gone"))
        sheet.put(UNCOUNTED_TOKENS, *where, value=difference.tokens)
        if difference.cost_nano is not None:
            sheet.put(UNCOUNTED_COST, *where, value=from_nano(difference.cost_nano))
    for organization, seconds in found.ages.items():
        sheet.put(ADMIN_API_AGE, organization, value=seconds)
