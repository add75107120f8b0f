"""What must be right before anything starts (`manage.py check`); each message says how to mend it."""

from collections.abc import Iterator
from typing import Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name

from accounts import wiring
from accounts.base_urls import is_loopback, origin
from accounts.errors import BaseUrlRefused
from accounts.keyring import key_fault

_MAKE_ONE: Final = "Make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
_FEWEST_DIGITS: Final = 8


@register(Tags.security)
def check_encryption_keys(**_: object) -> list[CheckMessage]:
    """accounts.E001, E002: ENCRYPTION_KEY and its fallbacks are 64 hex digits."""
    found: list[CheckMessage] = []
    if fault := key_fault(wiring.encryption_key()):
        found.append(Error(f"ENCRYPTION_KEY {fault}.", hint=_MAKE_ONE, id="accounts.E001"))
    for position, key in enumerate(wiring.encryption_key_fallbacks(), start=1):
        if fault := key_fault(key):
            hint = "Each is an earlier ENCRYPTION_KEY, separated by commas."
            found.append(Error(f"Key {position} of ENCRYPTION_KEY_FALLBACKS {fault}.", hint=hint, id="accounts.E002"))
    return found


@register(Tags.security)
def check_base_urls(**_: object) -> list[CheckMessage]:
    """accounts.E003: every allowed upstream is an origin, https or on this machine."""
    return [
        Error(f"Allowed upstream {url!r}: {fault}", hint="See ANTHROPIC_BASE_URLS.", id="accounts.E003")
        for url, fault in _bad_base_urls()
    ]


def _bad_base_urls() -> Iterator[tuple[str, str]]:
    for url in wiring.allowed_base_urls():
        try:
            canonical = origin(url)
        except BaseUrlRefused as refused:
            yield url, str(refused)
            continue
        if not canonical.startswith("https://") and not is_loopback(canonical):
            yield url, "plain http is for this machine only."


@register(Tags.security, deploy=True)
def check_encryption_key_strength(**_: object) -> list[CheckMessage]:
    """accounts.W001: a key of few different digits was typed, not drawn."""
    key = wiring.encryption_key().lower()
    if key_fault(key) or len(set(key)) >= _FEWEST_DIGITS:
        return []
    return [Warning("ENCRYPTION_KEY looks typed by hand.", hint=_MAKE_ONE, id="accounts.W001")]
