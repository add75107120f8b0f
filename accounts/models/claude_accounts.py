"""ClaudeAccount: one API key at Anthropic with its limits."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.views.decorators.debug import sensitive_variables

from accounts import wiring
from accounts.base_urls import checked_base_url
from accounts.errors import BaseUrlRefused, DuplicateKey, KeyRefused, UndecryptableKey
from accounts.fields import EncryptedTextField
from accounts.models.account_rows import ClaudeAccountQuerySet, with_companions
from accounts.models.limits import Limited, limit_constraints
from accounts.models.pools import Pool, save_versioned
from accounts.validators import acceptable_key, model_names, plain_name
from quota.engine.strategies import STRIDE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from accounts.credentials import Secret

MAX_WEIGHT: Final = STRIDE
"""One account that the engine refuses would keep every edit of its pool from reaching it."""


class ClaudeAccount(Limited):
    """One API key of an organization that the operator owns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=100, validators=[plain_name], help_text="Unique in its pool.")
    # Before api_key, which writes them; see EncryptedTextField.
    key_hint = models.CharField("key ends in", max_length=8, editable=False)
    key_fingerprint = models.CharField("key fingerprint", max_length=12, editable=False)
    api_key: Any = EncryptedTextField(
        "API key",
        hint_field="key_hint",
        fingerprint_field="key_fingerprint",
        editable=False,
    )
    base_url = models.CharField(
        "base URL",
        max_length=255,
        default=wiring.DEFAULT_BASE_URL,
        help_text="Where the key is sent. Only addresses of ANTHROPIC_BASE_URLS are accepted.",
    )
    priority = models.PositiveIntegerField(
        "priority (lower is tried first)",
        default=100,
        help_text="Lower is tried first. Matters to the priority strategy only.",
    )
    weight = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WEIGHT)],
        help_text="A share among equals; 2 counts twice.",
    )
    enabled = models.BooleanField(default=True, help_text="Disabled accounts get no requests and keep their history.")
    disabled_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    allowed_models = models.JSONField(
        default=list,
        blank=True,
        validators=[model_names],
        help_text="A JSON list of model names; empty: every model.",
    )
    organization_id = models.CharField(
        "organization", max_length=100, blank=True, default="", editable=False, help_text="Learned from Anthropic."
    )
    workspace_id = models.CharField(
        "workspace", max_length=100, blank=True, default="", editable=False, help_text="Learned from Anthropic."
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ClaudeAccountQuerySet.as_manager()

    class Meta:
        ordering = ("pool__name", "priority", "name")
        verbose_name = "Claude account"
        permissions = (("operate_claudeaccount", "Can operate Claude accounts (enable, disable, reset, test)"),)
        constraints = (
            models.UniqueConstraint(
                fields=["pool", "name"],
                name="account_name_unique_in_pool",
                violation_error_message="The pool has an account of this name already.",
            ),
            models.UniqueConstraint(
                fields=["pool", "key_fingerprint"],
                name="account_key_unique_in_pool",
                violation_error_message="The pool holds this key already.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="account_name_given"),
            models.CheckConstraint(condition=~Q(key_fingerprint=""), name="account_key_described"),
            models.CheckConstraint(
                condition=Q(weight__gte=1, weight__lte=MAX_WEIGHT), name="account_weight_within_bounds"
            ),
            *limit_constraints("account"),
        )

    _stored_pool_id: uuid.UUID | None = None

    def __str__(self) -> str:
        return self.name

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:  # noqa: ANN401
        """As ever; an edit adds one to its own and its pool's version (see Note [Versions])."""
        self._refuse_a_move()
        using = options.get("using")
        if update_fields is not None:
            update_fields = with_companions(update_fields)
        with transaction.atomic(using=using):
            Pool.objects.using(using).filter(pk=self.pool_id).bump()
            save_versioned(self, super().save, update_fields=update_fields, **options)
        self._stored_pool_id = self.pool_id

    # Factories

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **more: Any,  # noqa: ANN401 - Django's
    ) -> ClaudeAccount:
        account = super().from_db(db, field_names, values, **more)
        account._stored_pool_id = account.__dict__.get("pool_id")  # noqa: SLF001 - its own
        return account

    # Mutators

    @sensitive_variables("text")
    def put_key(self, text: str) -> None:
        """Take a new API key, unsaved. Raises KeyRefused, or DuplicateKey if the pool holds it already."""
        secret = acceptable_key(text)
        self.refuse_duplicate(secret)
        self.api_key = secret

    def _refuse_a_move(self) -> None:
        # Leases, usage and history belong to the pair; moving the row would leave them behind.
        if self._stored_pool_id not in {None, self.pool_id}:
            raise ValidationError("An account stays in its pool; make a new one in the other pool.")

    # Queries

    def clean(self) -> None:
        """The rules that need more than one field. Raises ValidationError."""
        self._refuse_a_move()
        self.allowed_models = self.allowed_models or []  # cleared in a form
        try:
            demo = self.pool_id is not None and self.pool.simulated
            self.base_url = checked_base_url(self.base_url, allowed=wiring.allowed_base_urls(), demo=demo)
        except BaseUrlRefused as refused:
            # Not bound to the field: forms without it (the list's) could not take such an error.
            raise ValidationError(f"Base URL: {refused}") from refused
        self._check_new_key()

    def _check_new_key(self) -> None:
        key = self.api_key
        if key is None:
            raise ValidationError("An account needs an API key.")
        if key.stored is not None:
            return
        try:
            self.refuse_duplicate(acceptable_key(key.reveal().reveal()))
        except KeyRefused as refused:
            raise ValidationError(str(refused)) from refused

    def refuse_duplicate(self, secret: Secret) -> None:
        """Raise DuplicateKey if another account of the pool holds this key, under whichever encryption key."""
        same = ClaudeAccount.objects.filter(
            pool=self.pool_id, key_fingerprint__in=wiring.keyring().fingerprints(secret)
        ).exclude(pk=self.pk)
        if twin := same.values_list("name", flat=True).first():
            raise DuplicateKey(f"The pool holds this key already, as {twin!r}; twice it adds no capacity.")

    def reveal_key(self) -> Secret:
        """The API key. Raises UndecryptableKey, which names the account."""
        try:
            secret: Secret = self.api_key.reveal()
        except UndecryptableKey as unreadable:
            raise UndecryptableKey(f"the API key of account {self.name!r}", unreadable.why) from None
        return secret

    # Properties

    @property
    def has_readable_key(self) -> bool:
        """Whether the key can be decrypted with the encryption keys in force."""
        return bool(self.api_key is not None and self.api_key.is_readable)

    @property
    def is_serviceable(self) -> bool:
        """Whether it may get requests as far as this app knows: enabled, and its key is readable."""
        return self.enabled and self.has_readable_key


@receiver(post_delete, sender=ClaudeAccount, dispatch_uid="accounts.bump_after_delete")
def _count_deletion(*, instance: ClaudeAccount, using: str, **_: object) -> None:
    """A deletion is an edit of the pool; Django sends this inside the deletion's transaction."""
    Pool.objects.using(using).filter(pk=instance.pool_id).bump()
