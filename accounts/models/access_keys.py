"""AccessKey: what a client of ours presents. Only its SHA-256 is kept; nobody can show it again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q

from accounts.default_pool import DEFAULT_POOL, default_of
from accounts.models.limits import Limited, limit_constraints
from accounts.models.pools import Pool, save_versioned
from accounts.validators import model_patterns, networks, plain_name, scope_names
from quota.engine.types import Client

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class AccessKeyQuerySet(models.QuerySet["AccessKey"]):
    def usable(self, *, now: datetime) -> AccessKeyQuerySet:
        """Neither revoked nor expired at `now`."""
        return self.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))

    def in_state(self, state: str, *, now: datetime) -> AccessKeyQuerySet:
        """Those that are usable, expired or revoked at `now`; a revoked one is not called expired."""
        match state:
            case "usable":
                return self.usable(now=now)
            case "revoked":
                return self.exclude(revoked_at=None)
        return self.filter(revoked_at=None, expires_at__lte=now)

    def touch(self, *, now: datetime, unless_since: datetime) -> int:
        """Note the use, but for keys noted after `unless_since`; how many were written."""
        stale = Q(last_used_at=None) | Q(last_used_at__lt=unless_since)
        return self.filter(stale).update(last_used_at=now)

    def revoke(self, *, now: datetime) -> int:
        """Revoke those that are not revoked yet, for good; how many that were."""
        return self.filter(revoked_at=None).update(revoked_at=now, version=F("version") + 1)


class AccessKey(Limited):
    """The right of a client to use the pool."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, validators=[plain_name], help_text="Who or what uses it.")
    hint = models.CharField("begins with", max_length=20, editable=False)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list, validators=[scope_names])
    pool = models.ForeignKey(
        Pool,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="access_keys",
        help_text="The pool it may use; empty: the pool named default, else the only pool there is.",
    )
    allowed_models = models.JSONField(
        default=list,
        blank=True,
        validators=[model_patterns],
        help_text="A JSON list of model names, a trailing * stands for any ending; empty: every model.",
    )
    allowed_networks = models.JSONField(
        default=list,
        blank=True,
        validators=[networks],
        help_text='A JSON list of addresses it may come from, e.g. ["10.0.0.0/8", "2001:db8::1"]; empty: anywhere.',
    )
    expires_at = models.DateTimeField("expires", null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    version = models.PositiveBigIntegerField(default=1, db_default=1, editable=False, help_text="Counts its edits.")
    created_at = models.DateTimeField("created", auto_now_add=True)

    objects = AccessKeyQuerySet.as_manager()

    class Meta:
        ordering = ("name", "created_at")
        constraints = (
            models.CheckConstraint(condition=~Q(scopes=[]), name="access_key_has_scopes"),
            models.CheckConstraint(condition=~Q(sha256=""), name="access_key_has_hash"),
            *limit_constraints("access_key"),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:  # noqa: ANN401 - Django's
        """As ever; an edit adds one to `version`."""
        with transaction.atomic(using=options.get("using")):
            save_versioned(self, super().save, update_fields=update_fields, **options)

    def clean(self) -> None:
        """Refuse a key without a pool where nobody could say which one is meant. A cleared list is an empty one."""
        self.allowed_models, self.allowed_networks = self.allowed_models or [], self.allowed_networks or []
        if self.pool_id is not None:
            return
        pools = list(Pool.objects.order_by("name"))
        if pools and default_of(pools) is None:
            names = ", ".join(pool.name for pool in pools)
            raise ValidationError(f"Name the pool: none is called {DEFAULT_POOL}, and there are several: {names}.")

    def client(self) -> Client:
        """Who asks, in the engine's words. Without limits, too: what it uses counts, should it ever get some."""
        return Client(str(self.pk), self.enforced_limits(), self.max_concurrency)

    def state_at(self, now: datetime) -> str:
        """In one word: usable, expired or revoked."""
        if self.revoked_at:
            return "revoked"
        return "usable" if self.is_usable(now=now) else "expired"

    def is_usable(self, *, now: datetime) -> bool:
        """Neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
