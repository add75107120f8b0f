"""The only place of this app that reads Django's settings."""

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.base_urls import may_be_reached
from accounts.keyring import Keyring, key_fault

if TYPE_CHECKING:
    from accounts.resolving import May

DEFAULT_BASE_URL = "https://api.anthropic.com"


def encryption_key() -> str:
    """ENCRYPTION_KEY as set, unchecked; empty if missing."""
    return getattr(settings, "ENCRYPTION_KEY", "") or ""


def encryption_key_fallbacks() -> tuple[str, ...]:
    """ENCRYPTION_KEY_FALLBACKS as set, unchecked: older (or coming) keys that still decrypt."""
    return tuple(getattr(settings, "ENCRYPTION_KEY_FALLBACKS", ()) or ())


def keyring() -> Keyring:
    """The keys in force. Raises ImproperlyConfigured when one is missing or malformed."""
    return _keyring((encryption_key(), *encryption_key_fallbacks()))


@lru_cache(maxsize=8)
def _keyring(keys: tuple[str, ...]) -> Keyring:
    for position, key in enumerate(keys):
        if fault := key_fault(key):
            name = "ENCRYPTION_KEY" if position == 0 else f"ENCRYPTION_KEY_FALLBACKS[{position - 1}]"
            raise ImproperlyConfigured(f"{name} {fault}. Make one with: openssl rand -hex 32")
    return Keyring(keys)


def default_base_url(*, simulated: bool) -> str:
    """Where an account's key is sent unless somebody says otherwise: the simulator, or the first allowed upstream."""
    if simulated:
        return str(getattr(settings, "SIMULATOR_URL", ""))
    return str(next(iter(getattr(settings, "ANTHROPIC_BASE_URLS", ())), DEFAULT_BASE_URL))


def allowed_base_urls() -> tuple[str, ...]:
    """The upstream origins that keys may be sent to."""
    return tuple(getattr(settings, "ALLOWED_BASE_URLS", (DEFAULT_BASE_URL,)))


def reachable() -> "May":
    """Judges where a name leads: to the public internet or to ANTHROPIC_PRIVATE_NETWORKS; this machine's to itself."""
    return partial(may_be_reached, private=getattr(settings, "ANTHROPIC_PRIVATE_NETWORKS", ()))
