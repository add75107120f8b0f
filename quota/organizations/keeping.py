"""What was heard of an organization, written down in one transaction. Writing the same twice changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Model, Q

from accounts.credentials import Secret
from accounts.models import ClaudeAccount
from accounts.services import remember_origin
from quota.models import Organization, OrganizationKey, RateLimit, ReportedUsage
from quota.models.organizations import SyncState
from quota.organizations.client import Report
from quota.organizations.matching import matched
from quota.organizations.reading import KeyFacts, OrganizationFacts, RateLimitFacts, added_up, merged


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
    rows = [_key_row(organization, key, account=accounts.get(key.id), now=now) for key in heard.keys]
    _upsert(OrganizationKey, rows, known_by=("organization", "key_id"))
    for key in heard.keys:
        if account := accounts.get(key.id):
            remember_origin(account_id=account, organization_id=heard.organization.id, workspace_id=key.workspace_id)


def _key_row(organization: Organization, key: KeyFacts, *, account: str | None, now: datetime) -> OrganizationKey:
    told = asdict(key)
    return OrganizationKey(organization=organization, key_id=told.pop("id"), account_id=account, seen_at=now, **told)


def _upsert(table: type[Model], rows: Sequence[Model], *, known_by: tuple[str, ...]) -> None:
    columns = [field.name for field in table._meta.concrete_fields if not field.primary_key]  # noqa: SLF001 - documented
    table._default_manager.bulk_create(  # noqa: SLF001 - Django's name for it
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=known_by,
        update_fields=[name for name in columns if name not in known_by],
    )


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
    costs = added_up(report.costs or ())
    unknown = None if report.costs is None else 0
    rows = [
        ReportedUsage(organization=organization, cost_nano=costs.get((used.key_id, used.day), unknown), **asdict(used))
        for used in merged(report.usage, also=costs)
    ]
    _upsert(ReportedUsage, rows, known_by=("organization", "key_id", "day"))


def _keep_state(organization: Organization, heard: Heard, *, now: datetime) -> None:
    organization.anthropic_id, organization.name = heard.organization.id, heard.organization.name
    organization.state, organization.why, organization.synced_at = SyncState.OK, "", now
    organization.complete_until = heard.report.complete_until
    organization.whole_at = now if heard.whole else organization.whole_at
    organization.save(update_fields=["anthropic_id", "name", "state", "why", "synced_at", "complete_until", "whole_at"])
