"""What was heard of an organization, written down in one transaction. Writing the same twice changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.credentials import Secret
from accounts.models import ClaudeAccount
from accounts.services import remember_origin
from quota.models import Organization, OrganizationKey, RateLimit, ReportedUsage
from quota.models.organizations import SyncState
from quota.organizations.client import Report
from quota.organizations.matching import matched
from quota.organizations.reading import KeyFacts, OrganizationFacts, RateLimitFacts


@dataclass(frozen=True, slots=True)
class Heard:
    """One round. `whole` says that the report covers the month so far."""

    organization: OrganizationFacts
    keys: Sequence[KeyFacts]
    limits: Sequence[RateLimitFacts]
    report: Report
    whole: bool = False


def keep(organization: Organization, heard: Heard, *, now: datetime) -> None:
    """Write it down. Raises Django's database errors; then nothing of it is written."""
    with transaction.atomic():
        _keep_keys(organization, heard, now=now)
        _keep_limits(organization, heard.limits, now=now)
        _keep_usage(organization, heard.report)
        _keep_state(organization, heard, now=now)


def _keep_keys(organization: Organization, heard: Heard, *, now: datetime) -> None:
    accounts = {key: account for account, key in matched(heard.keys, _secrets(heard.organization.id)).items()}
    for key in heard.keys:
        told = {**asdict(key), "account_id": accounts.get(key.id), "seen_at": now}
        OrganizationKey.objects.update_or_create(organization=organization, key_id=told.pop("id"), defaults=told)
        if account := accounts.get(key.id):
            remember_origin(account_id=account, organization_id=heard.organization.id, workspace_id=key.workspace_id)


def _secrets(organization_id: str) -> dict[str, Secret]:
    """The keys of accounts that may belong to the organization, as far as they can be read."""
    rows = ClaudeAccount.objects.filter(Q(organization_id="") | Q(organization_id=organization_id))
    return {str(row.pk): row.reveal_key() for row in rows if row.has_readable_key}


def _keep_limits(organization: Organization, limits: Sequence[RateLimitFacts], *, now: datetime) -> None:
    known = {row.group: row for row in organization.rate_limits.all()}
    for told in limits:
        row = known.get(told.group) or RateLimit(organization=organization, group=told.group)
        _note_change(row, told.limits, now=now)
        row.kind, row.model_names, row.seen_at = told.kind, list(told.models), now
        row.save()


def _note_change(row: RateLimit, limits: Mapping[str, int], *, now: datetime) -> None:
    if row.pk is not None and row.limits != dict(limits):
        row.before, row.changed_at = row.limits, now
    row.limits = dict(limits)


def _keep_usage(organization: Organization, report: Report) -> None:
    costs = {(cost.key_id, cost.day): cost.cost_nano for cost in report.costs or ()}
    for used in report.usage:
        told: dict[str, Any] = asdict(used)
        place = {"key_id": told.pop("key_id"), "day": told.pop("day")}
        told["cost_nano"] = costs.get((used.key_id, used.day), None if report.costs is None else 0)
        ReportedUsage.objects.update_or_create(organization=organization, **place, defaults=told)


def _keep_state(organization: Organization, heard: Heard, *, now: datetime) -> None:
    organization.anthropic_id, organization.name = heard.organization.id, heard.organization.name
    organization.state, organization.why, organization.synced_at = SyncState.OK, "", now
    organization.complete_until = heard.report.complete_until
    organization.whole_at = now if heard.whole else organization.whole_at
    organization.save(update_fields=["anthropic_id", "name", "state", "why", "synced_at", "complete_until", "whole_at"])
