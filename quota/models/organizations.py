"""Organization: what Anthropic's Admin API says of one, and the key to ask it with."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.base_urls import checked_base_url
from accounts.fields import EncryptedTextField
from accounts.models import ClaudeAccount
from accounts.money import from_nano
from accounts.wiring import DEFAULT_BASE_URL, allowed_base_urls, default_base_url
from quota import facts


class SyncState(models.TextChoices):
    """How the last round went."""

    NEVER = "never", "not asked yet"
    OK = "ok", "in step"
    REFUSED = "refused", "key refused"
    TROUBLE = "trouble", "no answer"


class Organization(models.Model):
    """One organization at Anthropic. An Admin key covers one, so each has its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=facts.LONG, help_text="As Anthropic calls it, once it was asked.")
    anthropic_id = models.CharField(
        "id at Anthropic", max_length=facts.NAME, unique=True, null=True, blank=True, editable=False
    )
    # Before admin_key, which writes them; see EncryptedTextField.
    key_hint = models.CharField("key ends in", max_length=8, blank=True, default="", editable=False)
    key_fingerprint = models.CharField(max_length=12, blank=True, default="", editable=False)
    admin_key: Any = EncryptedTextField(
        "Admin key", hint_field="key_hint", fingerprint_field="key_fingerprint", null=True, editable=False
    )
    from_environment = models.BooleanField(
        default=False, editable=False, help_text="Its key is ANTHROPIC_ADMIN_API_KEY, not stored here."
    )
    base_url = models.CharField("base URL", max_length=255, default=DEFAULT_BASE_URL)
    state = models.CharField(max_length=10, choices=SyncState, default=SyncState.NEVER, editable=False)
    why = models.CharField(max_length=facts.ERROR, blank=True, default="", editable=False)
    synced_at = models.DateTimeField("last in step", null=True, blank=True, editable=False)
    complete_until = models.DateTimeField(null=True, blank=True, editable=False, help_text="By Anthropic's own word.")
    whole_at = models.DateTimeField(null=True, editable=False, help_text="When the whole month was last read.")
    next_at = models.DateTimeField(null=True, editable=False, help_text="Not asked again before.")

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["from_environment"], condition=Q(from_environment=True), name="one_environment_organization"
            ),
            models.CheckConstraint(condition=Q(state__in=SyncState.values), name="organization_state_known"),
        )

    def __str__(self) -> str:
        return self.name


def checked_address(url: str) -> str:
    """Where an Admin key may be sent: as accounts' keys, or to the simulator beside us. Raises BaseUrlRefused."""
    simulated = url.rstrip("/") == default_base_url(simulated=True)
    return checked_base_url(url, allowed=allowed_base_urls(), demo=simulated)


class OrganizationKey(models.Model):
    """One API key of an organization, and which of our accounts holds it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="keys")
    key_id = models.CharField(max_length=facts.NAME)
    name = models.CharField(max_length=facts.LONG, blank=True, default="")
    status = models.CharField(max_length=facts.WORD)
    hint = models.CharField(max_length=facts.NAME, blank=True, default="")
    workspace_id = models.CharField(max_length=facts.NAME, blank=True, default="")
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    account = models.ForeignKey(ClaudeAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    seen_at = models.DateTimeField("last seen")

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=["organization", "key_id"], name="organization_key_once"),)

    def __str__(self) -> str:
        return self.name or self.key_id


class RateLimit(models.Model):
    """What an organization may do with a group of models, as last told, and as told before that."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="rate_limits")
    group = models.CharField(max_length=facts.NAME)
    kind = models.CharField(max_length=facts.NAME)
    model_names = models.JSONField(default=list)
    limits = models.JSONField(default=dict, help_text="By Anthropic's names of limits.")
    before = models.JSONField(default=dict, help_text="What they were before they changed.")
    changed_at = models.DateTimeField("changed", null=True, blank=True)
    seen_at = models.DateTimeField("last seen")

    class Meta:
        ordering = ("group",)
        constraints = (models.UniqueConstraint(fields=["organization", "group"], name="rate_limit_once"),)

    def __str__(self) -> str:
        return self.group


class ReportedUsage(models.Model):
    """What one key used and cost on one UTC day, by Anthropic's count."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="usage")
    key_id = models.CharField(
        max_length=facts.NAME, blank=True, default="", help_text="Empty: of no key (the console)."
    )
    day = models.DateField()
    requests = models.BigIntegerField(null=True, help_text="Not told by the older report.")
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(default=0)
    cache_write_5m_tokens = models.BigIntegerField(default=0)
    cache_write_1h_tokens = models.BigIntegerField(default=0)
    web_searches = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField("cost in nano-dollars", null=True, help_text="Not told by the older report.")

    class Meta:
        ordering = ("-day",)
        constraints = (models.UniqueConstraint(fields=["organization", "key_id", "day"], name="reported_once_a_day"),)

    def __str__(self) -> str:
        return f"{self.key_id or 'no key'} on {self.day}"

    @property
    def cost(self) -> Any:  # noqa: ANN401 - Decimal or None
        """In dollars."""
        return None if self.cost_nano is None else from_nano(self.cost_nano)
