"""Who changed what: pools, accounts and access keys, whichever way the change came.

Note [Audit]
    What is saved or deleted as an object is noticed by signals, inside its transaction, so that no face can forget it.
    What changes by a conditional update (enable, disable, revoke) or in the engine (orders to a breaker) is noted by
    the service that does it. Who acts is said once, where the request or the command begins. Columns are named one by
    one: a column that nobody named is not written down, and a key only by its fingerprint.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.db import models
from django.db.models.signals import post_delete, post_save, pre_save

from accounts.actors import present_actor
from accounts.models import AccessKey, ClaudeAccount, Pool
from accounts.models.audit import AuditEntry
from accounts.models.limits import LIMIT_FIELDS

_POOL: Final = (
    "name",
    "strategy",
    "affinity",
    "affinity_ttl_seconds",
    "queue_seconds",
    "queue_size",
    "breaker_threshold",
    "breaker_open_seconds",
    "breaker_successes",
    "early_probe",
    "outage_guard",
    "learn_limits",
    "estimate_policy",
    "degraded",
    "count_foreign_usage",
    "alert_warning_percent",
    "alert_critical_percent",
    "alert_exhausted_percent",
    "alert_min_serving",
    "alert_drift_percent",
    "alert_drift_dollars",
    "alert_drift_tokens",
    "limit_cost_month",
    "budget_action",
)
_ACCOUNT: Final = (
    "name",
    "key_fingerprint",
    "base_url",
    "priority",
    "weight",
    "enabled",
    "max_concurrency",
    "allowed_models",
    "budget_action",
    *LIMIT_FIELDS,
)
_KEY: Final = (
    "name",
    "scopes",
    "pool_id",
    "allowed_models",
    "allowed_networks",
    "expires_at",
    "max_concurrency",
    "budget_action",
    *LIMIT_FIELDS,
)
COLUMNS: Final[Mapping[type[models.Model], tuple[str, ...]]] = {Pool: _POOL, ClaudeAccount: _ACCOUNT, AccessKey: _KEY}
KINDS: Final[Mapping[type[models.Model], str]] = {Pool: "pool", ClaudeAccount: "account", AccessKey: "access key"}
_LONGEST: Final = 200


def note(action: str, row: models.Model, *, changes: Mapping[str, tuple[object, object]] | None = None) -> None:
    """Write down what was done to a row: columns with what they held before and hold now."""
    actor = present_actor()
    AuditEntry.objects.create(
        actor=actor.name[:150],
        via=actor.via,
        action=action,
        kind=KINDS[type(row)],
        object_id=str(row.pk),
        name=str(getattr(row, "name", ""))[:100],
        changes=[[column, _plain(old), _plain(new)] for column, (old, new) in (changes or {}).items()],
    )


def note_order(action: str, account_id: str, *, why: str = "") -> None:
    """Write down an order to an account."""
    account = ClaudeAccount.objects.filter(pk=account_id).first()
    if account is not None:
        note(action, account, changes={"why": ("", why)} if why else None)


def _remember(sender: type[models.Model], instance: Any, raw: bool = False, **_: object) -> None:  # noqa: ANN401
    """Before a save: what the columns hold."""
    if raw or instance._state.adding:  # noqa: SLF001 - documented by Django
        instance._audit_before = None  # noqa: SLF001 - ours
        return
    instance._audit_before = sender._default_manager.filter(pk=instance.pk).values(*COLUMNS[sender]).first()  # noqa: SLF001


def _saved(sender: type[models.Model], instance: Any, created: bool, **more: Any) -> None:  # noqa: ANN401 - a signal's
    """After a save: what has become different."""
    if more.get("raw"):
        return
    update_fields: frozenset[str] | None = more.get("update_fields")
    before = getattr(instance, "_audit_before", None) or {}
    columns = [one for one in COLUMNS[sender] if update_fields is None or _is_in(one, update_fields)]
    pairs = {column: (before.get(column), getattr(instance, column)) for column in columns}
    changes = {column: (old, new) for column, (old, new) in pairs.items() if old != new}
    if created:
        note("created", instance, changes={column: pair for column, pair in changes.items() if pair[1] not in _EMPTY})
    elif changes:
        note("changed", instance, changes=changes)


_EMPTY: Final[tuple[object, ...]] = (None, "", [])


def _is_in(column: str, fields: frozenset[str]) -> bool:
    return column in fields or column.removesuffix("_id") in fields


def _deleted(instance: models.Model, **_: object) -> None:
    note("deleted", instance)


def _plain(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def watch() -> None:
    """Begin to notice changes; called once, when the app is ready."""
    for model in COLUMNS:
        uid = f"accounts.audit.{model.__name__}"
        pre_save.connect(_remember, sender=model, dispatch_uid=uid)
        post_save.connect(_saved, sender=model, dispatch_uid=uid)
        post_delete.connect(_deleted, sender=model, dispatch_uid=uid)
