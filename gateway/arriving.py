"""A request of the wire as the gateway wants it: its body bounded in size and time, its headers fit to be read.

Everything here happens before anything is leased, so whoever sends too much, too slowly or nonsense costs nobody's
capacity.
"""

import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from gateway.body_memory import Share
from gateway.errors import CallerRefused
from gateway.paths import MEBIBYTE
from gateway.plain import label
from gateway.watchdog import Watchdog
from gateway.wire import Request

Receive = Callable[[], Awaitable[Any]]
Headers = tuple[tuple[str, str], ...]

SESSION_HEADER: Final = "x-claude-code-session-id"
AGENT_HEADER: Final = "x-claude-code-agent-id"
PARENT_HEADER: Final = "x-claude-code-parent-agent-id"
REMEMBERED_MAX: Final = 4_096
"""Bytes of a head's values up to which it is remembered: a thousand of the longest take a few megabytes."""

_HOST: Final = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")
_CREDENTIALS: Final = frozenset({"authorization", "x-api-key"})


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds a sender gets: between two pieces of a body, and for all of it."""

    gap: float = 20.0
    total: float = 300.0


PATIENCE: Final = Patience()


class CallerLeft(Exception):
    """The caller hung up before the body was complete: nobody is left to be answered."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's headers say, read once; the body's length is not among them."""

    pairs: Headers
    named: Mapping[str, str]
    host: str
    """Our own name as the caller wrote it, empty if it cannot be one."""
    session: str
    agent: str
    parent_agent: str


def head_of(scope: Mapping[str, Any]) -> tuple[Head, str]:
    """Give what the headers say, and the length they declare for the body.

    A client says nearly the same with each of its requests, so short heads are remembered. Raises `CallerRefused` for
    two credentials of one name: whoever reads the other one must not get another answer.
    """
    raw = scope["headers"]
    kept = tuple([pair for pair in raw if pair[0] != b"content-length"])
    declared = next((value for name, value in raw if name == b"content-length"), b"") if len(kept) < len(raw) else b""
    short = sum([len(value) for _, value in kept]) <= REMEMBERED_MAX
    return (_remembered if short else _read)(kept), declared.decode("latin-1")


def _read(raw: tuple[tuple[bytes, bytes], ...]) -> Head:
    pairs = _each_once(tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw))
    named = dict(pairs)
    host, session = named.get("host", ""), named.get(SESSION_HEADER, "")
    return Head(
        pairs=pairs,
        named=MappingProxyType(named),
        host=host if _HOST.fullmatch(host) else "",
        session=session if session.isprintable() else "",
        agent=label(named.get(AGENT_HEADER, "")),
        parent_agent=label(named.get(PARENT_HEADER, "")),
    )


_remembered: Final = lru_cache(maxsize=1_024)(_read)


def _each_once(pairs: Headers) -> Headers:
    """Join repeated headers as HTTP says."""
    if len(dict(pairs)) == len(pairs):
        return pairs
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    if any(len(set(values[name])) > 1 for name in _CREDENTIALS & values.keys()):
        raise CallerRefused(401, "authentication_error", "Present one access key, not several.")
    return tuple((name, all_[0] if len(set(all_)) == 1 else ", ".join(all_)) for name, all_ in values.items())


def target_of(scope: Mapping[str, Any]) -> str:
    """Give path and query as they were sent. Raises `CallerRefused` for bytes that no address may have."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    try:
        return (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("ascii")
    except UnicodeDecodeError:
        raise CallerRefused(400, "invalid_request_error", "The address has characters that must be encoded.") from None


async def read_body(
    receive: Receive, *, declared: str, limit: int, share: Share, patience: Patience = PATIENCE
) -> bytes:
    """Read at most `limit` bytes, counted by `share`. Raises `CallerRefused` (413, 408, 529) and `CallerLeft`."""
    if declared.isdigit():
        if int(declared) > limit:
            raise _too_large(limit)
        share.expect(int(declared))
    due = time.monotonic() + patience.total
    try:
        with Watchdog() as watchdog:
            return await _pieces(receive, watchdog, share, limit=limit, due=due, gap=patience.gap)
    except TimeoutError:
        raise CallerRefused(408, "timeout_error", "The body did not arrive in time.", headers=_CLOSE) from None


async def _pieces(receive: Receive, watchdog: Watchdog, share: Share, *, limit: int, due: float, gap: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        watchdog.begin(min(gap, due - time.monotonic()))
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerLeft
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise _too_large(limit)
        share.grow_to(size)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def base_url_of(scope: Mapping[str, Any], head: Head) -> str:
    """Give our own address as this caller wrote it; the scheme is what a trusted proxy says it was."""
    here = "{}:{}".format(*scope["server"]) if scope.get("server") else "localhost"
    return f"{scope.get('scheme', 'http')}://{head.host or here}"


def arrived(scope: Mapping[str, Any], head: Head, body: bytes) -> Request:
    """Put the parts together."""
    return Request(scope["method"], target_of(scope), head.pairs, body)


_CLOSE: Final = (("connection", "close"),)
"""What is left of the body will not be read."""


def _too_large(limit: int) -> CallerRefused:
    said = f"The body is larger than {limit // MEBIBYTE} MiB." if limit else "A body has no place here."
    return CallerRefused(413, "request_too_large", said, headers=_CLOSE)
