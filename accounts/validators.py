"""The rules of `base_urls`, `scopes` and `money` in the form Django's forms and models want: ValidationError."""

import re
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_network
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.views.decorators.debug import sensitive_variables

from accounts.credentials import Secret, checked_admin_key, checked_api_key
from accounts.errors import KeyRefused, ScopesRefused
from accounts.scopes import checked_scopes

MAX_AMOUNT: Final = (1 << 53) - 1
"""The largest integer that Redis's Lua counts exactly."""

MAX_DOLLARS: Final = Decimal(9_000_000)
"""In nano-dollars just below MAX_AMOUNT."""

EXACT_DIGITS: Final = 15
"""What SQLite keeps of a decimal number without rounding."""

MAX_MODEL_NAME: Final = 200
_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/\-]*\*?|\*")

plain_name: Final = RegexValidator(
    r"\A[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z",
    "A name is one line of text without control characters.",
)


@sensitive_variables("text")
def acceptable_key(text: str) -> Secret:
    """As `checked_api_key`, for the places whose errors may reach an error page.

    Raises KeyRefused anew, so that no frame that holds the text stands in its traceback.
    """
    try:
        return checked_api_key(text)
    except KeyRefused as refused:
        words = str(refused)
    raise KeyRefused(words)


@sensitive_variables("text")
def acceptable_admin_key(text: str) -> Secret:
    """As `acceptable_key`, for an organization's Admin key."""
    try:
        return checked_admin_key(text)
    except KeyRefused as refused:
        words = str(refused)
    raise KeyRefused(words)


def exact_dollars(value: Decimal) -> None:
    """Refuse what the database could only round."""
    if len(value.normalize().as_tuple().digits) > EXACT_DIGITS:
        raise ValidationError(f"At most {EXACT_DIGITS} significant digits.", code="too_precise")


def model_names(value: object) -> None:
    """A list of model names; an empty one allows all."""
    if not isinstance(value, list):
        raise ValidationError('A list of model names, e.g. ["claude-sonnet-5-5"].', code="not_a_list")
    for name in value:
        if not isinstance(name, str) or not name.strip() or len(name) > MAX_MODEL_NAME:
            raise ValidationError("Each model is named by a short text.", code="not_a_model")
    if len(set(value)) != len(value):
        raise ValidationError("A model is listed twice.", code="repeated")


def model_patterns(value: object) -> None:
    """As `model_names`; a `*` at the end of one stands for any ending."""
    model_names(value)
    for pattern in value if isinstance(value, list) else []:
        if not _PATTERN.fullmatch(pattern):
            raise ValidationError(f"{pattern!r} is neither a model's name nor one's beginning and a *.", code="model")


def networks(value: object) -> None:
    """A list of addresses and networks (CIDR), of either version; an empty one allows all."""
    if not isinstance(value, list):
        raise ValidationError('A list of addresses or networks, e.g. ["10.0.0.0/8"].', code="not_a_list")
    for text in value:
        try:
            network = ip_network(text if isinstance(text, str) else "")
        except ValueError as trouble:
            raise ValidationError(f"{text!r} is no network: {trouble}.", code="not_a_network") from None
        if getattr(network.network_address, "ipv4_mapped", None):
            raise ValidationError(f"Write {text!r} as an IPv4 network: callers count as such.", code="mapped")


def not_past(when: datetime | None, *, now: datetime) -> None:
    """When a key is to expire; None: never."""
    if when is not None and when <= now:
        raise ValidationError("That is in the past. To end a key now, revoke it.", code="past")


def scope_names(value: object) -> None:
    """A non-empty list of known scopes."""
    if not isinstance(value, list):
        raise ValidationError("A list of scopes.", code="not_a_list")
    try:
        checked_scopes(value)
    except ScopesRefused as refused:
        raise ValidationError(str(refused), code="scope") from refused
