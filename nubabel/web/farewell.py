"""What a process that stops says to whoever still comes."""

from typing import Any, Final

from nubabel.web.departure import PROCESS, Departure, Stage

_CLOSE: Final = (b"connection", b"close")


def stopping(departure: Departure = PROCESS) -> bool:
    return departure.stage is not Stage.SERVING


def closed(departure: Departure = PROCESS) -> bool:
    return departure.stage >= Stage.CLOSED


async def refuse(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """503, as Anthropic says that it is overloaded: SDKs try again, and are balanced to another process."""
    from gateway.departing import send_response  # these want Django's apps ready
    from gateway.errors import CallerRefused
    from gateway.serving import refusal

    said = "This server is stopping. Ask again: another one answers."
    headers = (("retry-after", "1"), ("connection", "close"))
    await send_response(send, refusal(CallerRefused(503, "overloaded_error", said, headers=headers)))


def parting(send: Any) -> Any:  # noqa: ANN401 - ASGI
    """End the connection with this answer, so that whoever keeps it open asks elsewhere next."""

    async def send_last(message: Any) -> None:  # noqa: ANN401 - ASGI
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0].lower() != b"connection"]
            message = {**message, "headers": [*kept, _CLOSE]}
        await send(message)

    return send_last
