"""What one can do with accounts; admin, REST and commands call this and add nothing.

Raises `accounts.errors` and Django's ValidationError (a field's value makes no sense).
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts import audit, wiring
from accounts.errors import DeletionRefused, DuplicateKey
from accounts.models import ClaudeAccount, Pool
from accounts.models.limits import LIMIT_FIELDS
from accounts.signals import account_mended

CHANGEABLE = frozenset(
    {"name", "base_url", "priority", "weight", "max_concurrency", "allowed_models", "budget_action", *LIMIT_FIELDS}
)
"""Columns that create and update take by name. Keys and switching on or off have functions of their own."""


@sensitive_variables("api_key")
def create_account(*, pool: Pool, name: str, api_key: str, **columns: Any) -> ClaudeAccount:  # noqa: ANN401
    """A new enabled account. Raises KeyRefused, DuplicateKey, ValidationError; nothing is stored then."""
    _refuse_unknown(columns)
    account = ClaudeAccount(
        pool=pool, name=name, **{"base_url": wiring.default_base_url(simulated=pool.simulated), **columns}
    )
    account.put_key(api_key)
    _store(account)
    return account


@sensitive_variables("api_key")
def update_account(account: ClaudeAccount, *, api_key: str | None = None, **columns: Any) -> ClaudeAccount:  # noqa: ANN401
    """Change what is named, and the key if one is given. Raises as create_account; nothing is stored then."""
    _refuse_unknown(columns)
    for column, value in columns.items():
        setattr(account, column, value)
    if api_key is not None:
        account.put_key(api_key)
    with transaction.atomic():
        _store(account, update_fields={*columns, *(["api_key"] if api_key is not None else [])})
        if api_key is not None:
            announce_mended(account)
    return account


def disable_account(account: ClaudeAccount, *, why: str = "") -> bool:
    """Take the account out and keep everything; False if it was out already (its reason stays)."""
    reason = why[: ClaudeAccount._meta.get_field("disabled_reason").max_length]  # noqa: SLF001 - documented API
    return _switched(account, enabled=False, disabled_reason=reason)


def enable_account(account: ClaudeAccount) -> bool:
    """Bring the account back; False if it was in already."""
    with transaction.atomic():
        changed = _switched(account, enabled=True, disabled_reason="")
        if changed:
            announce_mended(account)
    return changed


def reinstate_account(*, account_id: str, disabled_for: str) -> bool:
    """Bring back an account that was disabled for a reason (its first words) which proved wrong; nobody mended it."""
    rows = ClaudeAccount.objects.filter(pk=account_id, enabled=False, disabled_reason__startswith=disabled_for)
    with transaction.atomic():
        changed = rows.update(enabled=True, disabled_reason="", updated_at=timezone.now())
        if changed:
            audit.note_order("enabled", account_id, why=f"{disabled_for}: that proved wrong")
    return bool(changed)


def announce_mended(account: ClaudeAccount) -> None:
    """Tell `account_mended` receivers. Call it inside the edit's transaction."""
    account_mended.send(ClaudeAccount, pool_id=account.pool_id, account_id=account.pk)


def remember_origin(*, account_id: str, organization_id: str = "", workspace_id: str = "") -> bool:
    """Keep what Anthropic's answers said about the key; False if nothing was new (and then nothing is an edit)."""
    learned = {"organization_id": organization_id, "workspace_id": workspace_id}
    news = {column: value for column, value in learned.items() if value}
    rows = ClaudeAccount.objects.filter(pk=account_id).exclude(**news)
    return bool(news and rows.update(**news))


def delete_account(account: ClaudeAccount, *, leases_of: Callable[[ClaudeAccount], int]) -> None:
    """Delete for good. Raises DeletionRefused while it is enabled, has requests under way, or holds what would be lost.

    It must be disabled first: a disabled account gets no new leases, so the count can only fall after it was taken.
    """
    account.refresh_from_db(fields=["enabled"])
    if account.enabled:
        raise DeletionRefused(f"{account.name} is enabled. Disable it first, then delete it.")
    if (leases := leases_of(account)) > 0:
        raise DeletionRefused(f"{account.name} has {leases} requests under way; delete it when they have ended.")
    try:
        account.delete()
    except (ProtectedError, RestrictedError) as trouble:
        held = sorted(str(one) for one in trouble.args[1])
        said = f"{len(held)} still in use there ({', '.join(held[:3])}{', …' if len(held) > 3 else ''})"  # noqa: PLR2004
        raise DeletionRefused(f"{account.name} cannot be deleted: {said}. It stays disabled.") from trouble


def _switched(account: ClaudeAccount, *, enabled: bool, disabled_reason: str) -> bool:
    # By conditional update: of two people at once, one switched it and the other found it done.
    rows = ClaudeAccount.objects.filter(pk=account.pk).exclude(enabled=enabled)
    with transaction.atomic():
        changed = rows.update(enabled=enabled, disabled_reason=disabled_reason, updated_at=timezone.now())
        if changed:
            why = {"why": ("", disabled_reason)} if disabled_reason else None
            audit.note("enabled" if enabled else "disabled", account, changes=why)
    account.refresh_from_db(fields=["enabled", "disabled_reason", "updated_at", "version"])
    return bool(changed)


def _refuse_unknown(columns: dict[str, Any]) -> None:
    if unknown := sorted(columns.keys() - CHANGEABLE):
        raise ValidationError(f"{unknown[0]!r} is nothing that can be set here.", code="unknown_column")


def _store(account: ClaudeAccount, *, update_fields: set[str] | None = None) -> None:
    account.full_clean()
    try:
        with transaction.atomic():
            account.save(update_fields=update_fields)
    except IntegrityError as clash:
        # full_clean has looked already; somebody was faster between the look and the write.
        if "fingerprint" in str(clash):
            raise DuplicateKey("The pool holds this key already; twice it adds no capacity.") from None
        raise ValidationError("Another change got in first; look again and repeat yours.") from clash
