"""What a request's body may be before Django sees it: not too large, and not too slow.

Django reads a whole body before anything else, with a limit on neither; a sender that stalls would hold a task for
good. `/v1/*` has limits of its own and does not come by here.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Final

MAX_BYTES: Final = 8 * 1024 * 1024
"""A message of a million characters, each escaped in JSON, and some room."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two pieces of a body, and for all of it."""

    gap: float = 20.0
    total: float = 60.0


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


_TOO_LARGE: Final = (413, "too_large", f"The body is larger than {MAX_BYTES // 1024 // 1024} MiB.")
_TOO_SLOW: Final = (408, "too_slow", "The body did not arrive in time.")


class Intake:
    """One request's body, counted and timed while the application reads it."""

    def __init__(self, receive: Any, *, patience: Patience) -> None:  # noqa: ANN401 - ASGI's callables
        self._receive = receive
        self._patience = patience
        self._due = time.monotonic() + patience.total
        self._read = 0
        self._ended = False

    async def __call__(self) -> Any:  # noqa: ANN401
        if self._ended:
            return await self._receive()  # only the news that the caller left can follow, however late
        try:
            async with asyncio.timeout(min(self._patience.gap, self._due - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            raise _Refused(*_TOO_SLOW) from None
        self._read += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._read > MAX_BYTES:
            raise _Refused(*_TOO_LARGE)
        return message


async def serve(application: Any, scope: Any, receive: Any, send: Any, *, patience: Patience = Patience()) -> None:  # noqa: ANN401
    """Run `application` with a bounded body; answer 413 or 408 where it goes beyond."""
    try:
        _refuse_declared(scope)
        await application(scope, Intake(receive, patience=patience), send)
    except _Refused as refused:
        await _answer(send, refused)


def _refuse_declared(scope: Any) -> None:  # noqa: ANN401
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise _Refused(*_TOO_LARGE)


async def _answer(send: Any, refused: _Refused) -> None:  # noqa: ANN401
    body = json.dumps({"error": {"code": refused.code, "message": str(refused), "details": {}}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
