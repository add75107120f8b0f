"""What a production process refuses to start with. Pure; complaints never repeat a value."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from nubabel.errors import Problem
from nubabel.parsers import is_loopback

_FEWEST_DIGITS: Final = 8
_UNCHECKED: Final = {"ssl_cert_reqs": {"none", "optional"}, "ssl_check_hostname": {"false", "0", "no"}}
"""Parts of a rediss:// address with which anybody could pose as Redis."""


def insecurities(values: Mapping[str, Any]) -> list[Problem]:
    """Everything that must not be, of parsed variables by their lower-case names; what was unreadable is missing."""
    return list(_found(values))


def _found(values: Mapping[str, Any]) -> Iterator[Problem]:
    if values.get("debug"):
        yield Problem("DEBUG", "is on in production: error pages would show settings and code", "unset it")
    if len(set(values.get("encryption_key") or "0123456789")) < _FEWEST_DIGITS:
        remedy = "draw one: openssl rand -hex 32"
        yield Problem("ENCRYPTION_KEY", "has few different digits, so it was typed and not drawn", remedy)
    if values.get("encryption_key") in set(values.get("encryption_key_fallbacks") or ()):
        yield Problem("ENCRYPTION_KEY_FALLBACKS", "names the key in force again", "leave only earlier keys there")
    if any(_is_plain(origin) for origin in values.get("csrf_trusted_origins") or ()):
        yield Problem("CSRF_TRUSTED_ORIGINS", "trusts pages that come over plain http", "begin each with https://")
    if _is_unchecked(values.get("redis_url") or ""):
        remedy = "drop ssl_cert_reqs and ssl_check_hostname; name a CA of your own with ssl_ca_certs=/path"
        yield Problem("REDIS_URL", "turns the check of Redis's certificate off", remedy)


def _is_plain(origin: str) -> bool:
    parts = urlsplit(origin)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _is_unchecked(url: str) -> bool:
    asked = parse_qs(urlsplit(url).query)
    return any(set(map(str.lower, asked.get(name, ()))) & off for name, off in _UNCHECKED.items())
