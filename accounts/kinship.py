"""Accounts of one organization: Anthropic counts their limits together, so they add no room to one another."""

from accounts.models import ClaudeAccount


def kin_of(account: ClaudeAccount) -> tuple[str, ...]:
    """Names of the pool's other accounts that are known to belong to the account's organization."""
    if not account.organization_id:
        return ()
    others = ClaudeAccount.objects.filter(pool=account.pool_id, organization_id=account.organization_id)
    return tuple(others.exclude(pk=account.pk).order_by("name").values_list("name", flat=True))
