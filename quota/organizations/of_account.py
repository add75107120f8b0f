"""Asking Anthropic's Admin API about one account: about the organization that it belongs to."""

import asyncio
from datetime import datetime

from accounts.models import ClaudeAccount
from quota.errors import NoAdminKey
from quota.models import Organization, OrganizationKey
from quota.organizations.sync import Outcome, ensure_environment_organization, sync_these


def sync_account(account: ClaudeAccount, *, now: datetime) -> list[Outcome]:
    """Ask now, whoever else is about to. Raises NoAdminKey, and Django's database errors.

    While nobody knows the account's organization, each one is asked that has not said yet which it is.
    """
    return asyncio.run(sync_these(organizations_of(account), now=now))


def organizations_of(account: ClaudeAccount) -> list[Organization]:
    """Whom to ask. Raises NoAdminKey."""
    ensure_environment_organization()
    rows = Organization.objects.all()
    found = (
        list(rows.filter(keys__account=account).distinct())
        or list(rows.filter(anthropic_id=account.organization_id or None, anthropic_id__isnull=False))
        or list(rows.filter(anthropic_id=None))
    )
    if not found:
        raise NoAdminKey(account.name)
    return found


def is_matched(account: ClaudeAccount) -> bool:
    """Whether a key of an organization that was asked is known to be this account's."""
    return OrganizationKey.objects.filter(account=account).exists()
