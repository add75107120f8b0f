"""Rollups moved by differences, inside the transaction that changed the attempts; see Note [Writing] in the ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from quota.facts import (
    AMOUNTS,
    Amounts,
    AttemptFacts,
    Changes,
    Key,
    RollupKey,
    SessionKey,
    rollup_deltas,
    session_deltas,
)
from quota.models import SessionRollup, UsageRollup

if TYPE_CHECKING:
    from django.db.models import QuerySet

_KEY: Final = ("account_id", "span", "starts_at", "model", "pool_id", "access_key")
_SESSION: Final = ("session", "access_key", "starts_at", "pool_id")


def add_up(changes: Changes) -> None:
    """Move the rollups from what attempts were to what they are."""
    listed: list[tuple[AttemptFacts | None, AttemptFacts]] = list(changes)
    add_to_rollups(rollup_deltas(listed))
    add_to_sessions(session_deltas(listed))


def add_to_rollups(deltas: Mapping[RollupKey, Amounts]) -> None:
    """Move the accounts' rollups."""
    rows = UsageRollup.objects.filter(
        account_id__in={key.account_id for key in deltas}, starts_at__in={key.starts_at for key in deltas}
    )
    _move(rows, deltas, _KEY, RollupKey)


def add_to_sessions(deltas: Mapping[SessionKey, Amounts]) -> None:
    """Move the sessions' rollups."""
    rows = SessionRollup.objects.filter(
        session__in={key.session for key in deltas}, starts_at__in={key.starts_at for key in deltas}
    )
    _move(rows, deltas, _SESSION, SessionKey)


def forget_sessions(*, before: datetime) -> int:
    """Let go of sessions' days before this; how many. Days per account, model and access key stay for good."""
    deleted, _ = SessionRollup.objects.filter(starts_at__lt=before).delete()
    return deleted


def _move(rows: "QuerySet[Any]", deltas: Mapping[Key, Amounts], columns: tuple[str, ...], kind: type[Key]) -> None:
    """Make the rows that are missing, lock all in one order, add to each what it gets."""
    if not deltas:
        return
    table = rows.model
    new = [table(**{name: getattr(key, name) for name in columns}) for key in sorted(deltas)]
    table._default_manager.bulk_create(new, ignore_conflicts=True)  # noqa: SLF001 - Django's name for it
    changed = []
    for row in rows.select_for_update().order_by(*columns):
        delta = deltas.get(kind(**{name: getattr(row, name) for name in columns}))
        for name, amount in zip(AMOUNTS, delta or (), strict=False):
            setattr(row, name, getattr(row, name) + amount)
        changed += [row] if delta else []
    table._default_manager.bulk_update(changed, AMOUNTS)  # noqa: SLF001
