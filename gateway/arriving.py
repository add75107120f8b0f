"""A request of the wire as the gateway wants it: its body bounded in size and time, its headers fit to be read.

Everything here happens before anything is leased, so whoever sends too much, too slowly or nonsense costs nobody's
capacity.
"""

import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import CallerRefused
from gateway.paths import MEBIBYTE
from gateway.watchdog import Watchdog
from gateway.wire import Request

Receive = Callable[[], Awaitable[Any]]
Headers = tuple[tuple[str, str], ...]

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


def headers_of(scope: Mapping[str, Any]) -> Headers:
    """Give the headers as text, each name once: repeated ones are joined as HTTP says.

    Raises `CallerRefused` for two credentials of one name: whoever reads the other one must not get another answer.
    """
    pairs = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
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


async def read_body(receive: Receive, *, declared: str, limit: int, patience: Patience = PATIENCE) -> bytes:
    """Read a body of at most `limit` bytes. Raises `CallerRefused` (413, 408) and `CallerLeft`."""
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    due = time.monotonic() + patience.total
    try:
        with Watchdog() as watchdog:
            return await _pieces(receive, watchdog, limit=limit, due=due, gap=patience.gap)
    except TimeoutError:
        raise CallerRefused(408, "timeout_error", "The body did not arrive in time.", headers=_CLOSE) from None


async def _pieces(receive: Receive, watchdog: Watchdog, *, limit: int, due: float, gap: float) -> bytes:
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
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def base_url_of(scope: Mapping[str, Any], headers: Headers) -> str:
    """Give our own address as this caller wrote it; the scheme is what a trusted proxy says it was."""
    host = dict(headers).get("host", "")
    if not _HOST.fullmatch(host):
        host = "{}:{}".format(*scope["server"]) if scope.get("server") else "localhost"
    return f"{scope.get('scheme', 'http')}://{host}"


def arrived(scope: Mapping[str, Any], headers: Headers, body: bytes) -> Request:
    """Put the parts together."""
    return Request(scope["method"], target_of(scope), headers, body)


_CLOSE: Final = (("connection", "close"),)
"""What is left of the body will not be read."""


def _too_large(limit: int) -> CallerRefused:
    said = f"The body is larger than {limit // MEBIBYTE} MiB." if limit else "A body has no place here."
    return CallerRefused(413, "request_too_large", said, headers=_CLOSE)
