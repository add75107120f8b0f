from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from nubabel import lifespan
from nubabel.asgi import application

Message = dict[str, Any]


class Conversation:
    """One ASGI connection: what the server says to the application, and what it hears."""

    def __init__(self, *says: Message) -> None:
        self._says = list(says)
        self.heard: list[Message] = []

    async def receive(self) -> Message:
        return self._says.pop(0)

    async def send(self, message: Message) -> None:
        self.heard.append(message)


async def test_start_and_stop_are_acknowledged() -> None:
    server = Conversation({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await application({"type": "lifespan"}, server.receive, server.send)
    assert [message["type"] for message in server.heard] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_one_that_cannot_be_closed_keeps_no_other_open(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def broken() -> None:
        raise OSError("gone")

    async def well() -> None:
        closed.append("well")

    await lifespan.close_all([broken, well])
    assert closed == ["well"]
    assert "could not close" in caplog.text


async def test_health_is_answered_before_django() -> None:
    server = Conversation()
    scope = {"type": "http", "method": "GET", "path": "/health/live", "headers": []}
    await application(scope, server.receive, server.send)
    assert server.heard[0]["status"] == 200


async def test_the_gateway_answers_v1_before_django() -> None:
    server = Conversation()
    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": []}
    await application(scope, server.receive, server.send)
    assert server.heard[0]["status"] == 401
    assert b"authentication_error" in server.heard[1]["body"]


async def test_whoever_asks_is_told_that_somebody_is_there() -> None:
    server = Conversation()
    await application({"type": "http", "method": "HEAD", "path": "/api/hello"}, server.receive, server.send)
    assert server.heard[0]["status"] == 200


@pytest.mark.parametrize("origin", [b"https://evil.example", b"http://127.0.0.1:9999", None])
async def test_a_websocket_from_another_origin_is_refused(origin: bytes | None) -> None:
    headers = [(b"host", b"127.0.0.1:8000"), *([(b"origin", origin)] if origin else [])]
    socket = WebsocketCommunicator(application, "/ws/live/", headers=headers)
    connected, _code = await socket.connect(timeout=15)
    assert not connected
