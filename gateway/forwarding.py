"""Which headers and paths pass, in both directions. Pure.

# Note [Which credential header]
Anthropic accepts an API key both as `Authorization: Bearer` and as `x-api-key`. We send what the official SDK of the
request's own API version sends: Bearer from 2026-10-21 on, `x-api-key` before. Each version has thus seen millions of
requests of exactly this form, and a request looks the same through the pool as it does directly.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from aiohttp.http import SERVER_SOFTWARE

from gateway.errors import UnusableRequest
from gateway.wire import Request

Headers = tuple[tuple[str, str], ...]

BEARER_SINCE: Final = "2026-10-21"
"""API versions are dates, so they compare as text."""

_PASSED: Final = frozenset({"content-type", "accept", "user-agent", "idempotency-key"})
_PASSED_PREFIXES: Final = ("anthropic-", "x-stainless-")
_KEPT: Final = frozenset({"anthropic-workspace-id"})
"""Names another workspace than the account's; Anthropic would refuse the key."""
_UNSAID: Final = {"accept": "*/*", "user-agent": SERVER_SOFTWARE}
"""What is said where the caller says nothing."""
_RETURNED: Final = frozenset({"content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry", "date"})
_NAMES: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET: Final = re.compile(r"/v1(/[A-Za-z0-9._~%:@\-]+)+(\?[!-~]*)?")


@lru_cache(maxsize=1_024)
def passed(received: Headers) -> Mapping[str, str]:
    """Give the headers to send, but for the account's credential: the allowed ones of the client, and our own words.

    `accept-encoding: identity` because usage is read from the passing bytes. Raises UnusableRequest for a value that
    cannot stand in a header. Whoever asks again asks with the same headers, so the answer is remembered.
    """
    sent = {name: value for name, value in _lowered(received) if _passes(name)}
    if not _NAMES.fullmatch("".join(sent)):
        raise UnusableRequest("a header's name has characters that no header may have")
    if not _VALUE.fullmatch("".join(sent.values())):
        name = next(name for name, value in sent.items() if not _VALUE.fullmatch(value))
        raise UnusableRequest(f"the header {name[:60]} has characters that no header may have")
    return MappingProxyType({**_UNSAID, **sent, "accept-encoding": "identity"})


def request_head(request: Request, *, host: str, secret: str) -> bytes:
    """Give the head of a request as it goes out. Raises UnusableRequest like `passed`."""
    lines, by_bearer = _lines(request.headers, host)
    credential = f"authorization: Bearer {secret}" if by_bearer else f"x-api-key: {secret}"
    sized = f"\r\ncontent-length: {len(request.body)}" if request.body or request.method != "GET" else ""
    return f"{request.method} {request.target} HTTP/1.1\r\n{lines}{credential}{sized}\r\n\r\n".encode("latin-1")


@lru_cache(maxsize=1_024)
def _lines(received: Headers, host: str) -> tuple[str, bool]:
    """What is the same in all requests of one client to one upstream. See Note [Which credential header]."""
    sent = passed(received)
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": host, **sent}.items())
    return lines, sent.get("anthropic-version", "") >= BEARER_SINCE


def response_headers(received: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Give what the caller may see of the upstream's headers; `received` has lower-case names.

    The rate-limit headers describe the account that answered, not the pool.
    """
    return tuple([pair for pair in received.items() if _returns(pair[0])])


@lru_cache(maxsize=128)
def joined(base_url: str, target: str) -> str:
    """Put an account's base URL and a request's path together. Raises UnusableRequest for what is no API path."""
    path = target.partition("?")[0].lower().replace("%2e", ".")
    climbs = any(part in {".", ".."} for part in path.split("/")) or "%2f" in path or "%5c" in path
    if climbs or not _TARGET.fullmatch(target):
        raise UnusableRequest("the path is not one of Anthropic's API")
    return base_url.rstrip("/") + target


@lru_cache(maxsize=1_024)
def _returns(name: str) -> bool:
    return name in _RETURNED or name.startswith("anthropic-")


def _passes(name: str) -> bool:
    return (name in _PASSED or name.startswith(_PASSED_PREFIXES)) and name not in _KEPT


def _lowered(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((name.lower(), value) for name, value in headers)
