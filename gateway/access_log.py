"""One line for each request that is over, under the logger `gateway.access`.

The lines of a tenth of a second are handed to logging together: making and passing on a record of its own for each
costs more than everything else about it. What they say, and nothing but that, is decided by `line_of`.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from gateway.log_lines import Line, Try, stamp
from gateway.witness import Finished, Name

EVERY_SECONDS: Final = 0.1
"""So long a line may wait for others."""
PATH_MAX: Final = 200
NAME: Final = "gateway.access"

logger = logging.getLogger(NAME)


class AccessLog:
    """A witness. It belongs to one event loop; `flush` before that ends."""

    def __init__(self, *, account: Name, pool: Name) -> None:
        self._account = account
        self._pool = pool
        self._lines: list[Line] = []

    def __call__(self, finished: Finished) -> None:
        """Note a request that is over."""
        if not self._lines:
            asyncio.get_running_loop().call_later(EVERY_SECONDS, self.flush)
        self._lines.append(line_of(finished, account=self._account, pool=self._pool))

    def flush(self) -> None:
        """Write what is noted."""
        lines, self._lines = self._lines, []
        if lines:
            logger.info("%d requests", len(lines), extra={"lines": lines})


def refused(scope: Mapping[str, Any], *, status: int, why: str) -> None:
    """Write of a request that was refused before a pool was asked; who sent it is known by the address alone."""
    method, path, address = scope["method"], _short(scope["path"]), (scope.get("client") or ("",))[0]
    fields = {"method": method, "path": path, "status": status, "outcome": why, "address": address}
    logger.info("%s %s %d %s, refused at the door", method, path, status, why, extra=fields)


def line_of(finished: Finished, *, account: Name, pool: Name) -> Line:
    """Say what is to be known of a request. No key, and no text of it, is among that."""
    ended, request = finished.ended, finished.request
    tries, begun, path = ended.attempts, ended.begun_ms, _short(request.target.partition("?")[0])
    outcome, took = "completed" if ended.ok else ended.error_type, ended.at_ms - begun
    last, who = (tries[-1], account(ended.account)) if tries else (None, "no account")
    return Line(
        stamp(ended.at_ms / 1_000),
        "info",
        NAME,
        f"{request.method} {path} {finished.status} {outcome} in {took} ms, {who}",
        ended.activity,
        request.method,
        path,
        finished.status,
        outcome,
        took,
        (tries[0].started_ms if tries else ended.at_ms) - begun,
        pool(finished.pool),
        finished.caller,
        finished.session,
        ended.model,
        finished.stream,
        len(tries),
        account=who if last else UNSET,
        upstream_request_id=last.request_id if last else UNSET,
        first_byte_ms=last.first_content_ms - begun if last and last.first_content_ms else UNSET,
        input_tokens=ended.usage.prompt if last else UNSET,
        output_tokens=ended.usage.output_tokens if last else UNSET,
        attempts=tuple(Try(account(one.account), one.outcome, one.status) for one in tries) if tries[1:] else UNSET,
    )


def _short(path: str) -> str:
    """A path on one line, whatever the caller made of it."""
    return path[:PATH_MAX] if path.isprintable() else ascii(path[:PATH_MAX])
