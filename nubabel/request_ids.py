"""An id for each request to the admin site and the REST API: in its log lines, and in the answer's `request-id`."""

import uuid
from contextvars import ContextVar
from typing import Any, Final

REQUEST: Final[ContextVar[str]] = ContextVar("request", default="")
"""The id of the request that is being served; empty outside of one. Threads that Django starts for it inherit it."""


def numbered(send: Any) -> Any:  # noqa: ANN401 - ASGI
    """Give the request that is served now an id, and tell it in its answer."""
    named = f"req_{uuid.uuid4().hex}"
    REQUEST.set(named)

    async def send_named(message: Any) -> None:  # noqa: ANN401 - ASGI
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"request-id", named.encode())]}
        await send(message)

    return send_named
