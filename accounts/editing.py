"""Edits by several people at once: each says which version it saw, and one that is out of date changes nothing."""

import logging
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.views.decorators.debug import sensitive_variables

from accounts import services
from accounts.errors import DeletionRefused, EditConflict
from accounts.models import AccessKey, ClaudeAccount, Pool

logger = logging.getLogger(__name__)

Versions = frozenset[int] | None
"""The versions that an edit may be made on; None: whichever it is."""


@sensitive_variables("api_key")
def add_account(*, actor: str, enabled: bool = True, **columns: Any) -> ClaudeAccount:  # noqa: ANN401
    """A new account, as `services.create_account`, enabled or not."""
    with transaction.atomic():
        account = services.create_account(**columns)
        if not enabled:
            services.disable_account(account, why=f"by {actor}")
    _note("account.created", account, actor)
    return account


@sensitive_variables("api_key")
def edit_account(
    account_id: uuid.UUID,
    *,
    expected: Versions,
    actor: str,
    api_key: str | None = None,
    enabled: bool | None = None,
    **columns: Any,  # noqa: ANN401
) -> ClaudeAccount:
    """Change what is named, all of it or nothing. Raises EditConflict, and what `services.update_account` raises."""
    with transaction.atomic():
        account = _held_account(account_id)
        refuse_stale(account, expected)
        if columns or api_key is not None:
            services.update_account(account, api_key=api_key, **columns)
        if enabled is not None:
            switch_account(account, enabled=enabled, actor=actor)
        account.refresh_from_db(fields=["version", "updated_at"])
    _note("account.updated", account, actor)
    return account


def switch_account(account: ClaudeAccount, *, enabled: bool, actor: str) -> bool:
    """Enable or disable in somebody's name; False if it was so already."""
    if enabled:
        return services.enable_account(account)
    return services.disable_account(account, why=f"by {actor}")


def refuse_stale(row: ClaudeAccount | Pool | AccessKey, expected: Versions) -> None:
    """Raise EditConflict if the row is no longer what the editor saw."""
    if expected is not None and row.version not in expected:
        raise EditConflict(str(row), current=row.version)


def add_pool(*, actor: str, **columns: Any) -> Pool:  # noqa: ANN401
    """A new pool. Raises ValidationError."""
    pool = Pool(**columns)
    pool.full_clean()
    pool.save(force_insert=True)
    _note("pool.created", pool, actor)
    return pool


def edit_pool(pool_id: uuid.UUID, *, expected: Versions, actor: str, **columns: Any) -> Pool:  # noqa: ANN401
    """Change what is named. Raises EditConflict and ValidationError; nothing is stored then."""
    with transaction.atomic():
        pool = Pool.objects.select_for_update().get(pk=pool_id)
        refuse_stale(pool, expected)
        for column, value in columns.items():
            setattr(pool, column, value)
        pool.full_clean()
        pool.save(update_fields=set(columns))
    _note("pool.updated", pool, actor)
    return pool


def delete_pool(pool: Pool, *, actor: str) -> None:
    """Delete for good. Raises DeletionRefused while accounts or access keys belong to it."""
    try:
        pool.delete()
    except ProtectedError as trouble:
        held = sorted(str(one) for one in trouble.protected_objects)
        said = ", ".join(held[:3]) + (", …" if len(held) > 3 else "")  # noqa: PLR2004
        raise DeletionRefused(f"{pool.name} is in use: {said} belong to it. Delete or move those first.") from None
    _note("pool.deleted", pool, actor)


def remove_account(
    account_id: uuid.UUID, *, expected: Versions, leases_of: Callable[[ClaudeAccount], int], actor: str
) -> None:
    """Delete for good, as `services.delete_account`. Raises DeletionRefused, and EditConflict."""
    account = ClaudeAccount.objects.get(pk=account_id)
    refuse_stale(account, expected)
    services.delete_account(account, leases_of=leases_of)
    _note("account.deleted", account, actor)


def _held_account(account_id: uuid.UUID) -> ClaudeAccount:
    """The account as nobody else can change it meanwhile: every edit of it takes its pool's row first."""
    pool_id = ClaudeAccount.objects.values_list("pool_id", flat=True).get(pk=account_id)
    Pool.objects.select_for_update().get(pk=pool_id)
    return ClaudeAccount.objects.select_related("pool").get(pk=account_id)


def _note(what: str, row: ClaudeAccount | Pool, actor: str) -> None:
    logger.info("%s: %s by %s", what, row, actor, extra={"action": what, "actor": actor})
