"""The smallest ASGI application that gives the double's answers: the calibration beside bounds on CPU time."""

from typing import Any

from benchmarks.gateway.answers import JSON_ANSWER, events_asked, stream


async def application(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Read the body, answer."""
    if scope["type"] != "http":
        return
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    events = events_asked(b"".join(pieces))
    body = stream(events) if events else (JSON_ANSWER,)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    for piece in body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
