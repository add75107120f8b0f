"""ClaudeAccount: one API key at Anthropic with its limits."""

from __future__ import annotations

import uuid
from decimal import Decimal
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
from accounts.models.pools import Pool, save_versioned
from accounts.money import DECIMAL_PLACES, from_nano, to_nano
from accounts.validators import MAX_AMOUNT, MAX_DOLLARS, acceptable_key, exact_dollars, model_names, plain_name
from quota.engine.strategies import STRIDE
from quota.engine.types import Limit, Metric, Window

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from accounts.credentials import Secret

COUNTED: Final = tuple(f"limit_{metric}_{window}" for metric in (Metric.REQUESTS, Metric.TOKENS) for window in Window)
COSTS: Final = tuple(f"limit_{Metric.COST}_{window}" for window in Window)
LIMIT_FIELDS: Final = (*COUNTED, *COSTS)
SMALLEST_DOLLARS: Final = from_nano(1)
POSITIVE: Final = "A limit is positive; leave it empty for none."
MAX_WEIGHT: Final = STRIDE
"""One account that the engine refuses would keep every edit of its pool from reaching it."""


def _amount(noun: str) -> models.PositiveBigIntegerField[int | None, int | None]:
    validators = [MinValueValidator(1, POSITIVE), MaxValueValidator(MAX_AMOUNT)]
    return models.PositiveBigIntegerField(noun, null=True, blank=True, validators=validators)


def _dollars(noun: str) -> models.DecimalField[Decimal | None, Decimal | None]:
    validators: list[Any] = [
        MinValueValidator(SMALLEST_DOLLARS, POSITIVE),
        MaxValueValidator(MAX_DOLLARS),
        exact_dollars,
    ]
    return models.DecimalField(
        noun, max_digits=16, decimal_places=DECIMAL_PLACES, null=True, blank=True, validators=validators
    )


def _limit_constraint(field: str) -> models.CheckConstraint:
    largest = MAX_DOLLARS if field in COSTS else MAX_AMOUNT
    within = Q(**{f"{field}__gt": 0, f"{field}__lte": largest})
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | within,
        name=f"account_{field}_positive",
        violation_error_message=POSITIVE,
    )


class ClaudeAccount(models.Model):
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
    limit_requests_minute = _amount("requests per minute")
    limit_requests_day = _amount("requests per day")
    limit_requests_month = _amount("requests per month")
    limit_tokens_minute = _amount("tokens per minute")
    limit_tokens_day = _amount("tokens per day")
    limit_tokens_month = _amount("tokens per month")
    limit_cost_minute = _dollars("US dollars per minute")
    limit_cost_day = _dollars("US dollars per day")
    limit_cost_month = _dollars("US dollars per month")
    max_concurrency = models.PositiveIntegerField(
        "requests at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: as many as come.",
    )
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
            models.CheckConstraint(
                condition=Q(max_concurrency__isnull=True) | Q(max_concurrency__gte=1),
                name="account_concurrency_positive",
            ),
            *(_limit_constraint(field) for field in LIMIT_FIELDS),
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

    @property
    def limit_cost_minute_nano(self) -> int | None:
        return self.amount(Metric.COST, Window.MINUTE)

    @property
    def limit_cost_day_nano(self) -> int | None:
        return self.amount(Metric.COST, Window.DAY)

    @property
    def limit_cost_month_nano(self) -> int | None:
        return self.amount(Metric.COST, Window.MONTH)

    def amount(self, metric: Metric, window: Window) -> int | None:
        """A limit as the engine counts it (cost in nano-dollars); None when there is none."""
        value: Decimal | int | None = getattr(self, f"limit_{metric}_{window}")
        if value is None:
            return None
        return to_nano(Decimal(value)) if metric is Metric.COST else int(value)

    def limits(self) -> tuple[Limit, ...]:
        """Every limit that is set, in the engine's words."""
        pairs = ((metric, window, self.amount(metric, window)) for metric in Metric for window in Window)
        return tuple(Limit(metric, window, amount) for metric, window, amount in pairs if amount is not None)


@receiver(post_delete, sender=ClaudeAccount, dispatch_uid="accounts.bump_after_delete")
def _count_deletion(*, instance: ClaudeAccount, using: str, **_: object) -> None:
    """A deletion is an edit of the pool; Django sends this inside the deletion's transaction."""
    Pool.objects.using(using).filter(pk=instance.pool_id).bump()
