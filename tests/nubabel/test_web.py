"""What a web process that was told to stop does with each stage; the real thing is tests.journeys.test_stopping."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from nubabel import asgi, health
from nubabel.web import farewell
from nubabel.web.departure import PROCESS, Departure, Stage
from nubabel.web.server import Patience, Server


class Answer:
    """What an application sends."""

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.body = b""

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        self.body += message.get("body", b"")

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.start["headers"])


@pytest.fixture
def process() -> Iterator[Departure]:
    """This process's departure, taken back after the test."""
    yield PROCESS
    PROCESS.stage = Stage.SERVING


async def asked(method: str, path: str) -> Answer:
    answer = Answer()
    await asgi.application({"type": "http", "method": method, "path": path, "headers": []}, None, answer)
    return answer


async def test_a_process_that_leaves_is_not_ready(process: Departure) -> None:
    assert await health.STAYING.passes()
    process.stage = Stage.LEAVING
    assert not await health.STAYING.passes()


async def test_a_process_that_leaves_serves_and_ends_the_connection(process: Departure) -> None:
    process.stage = Stage.LEAVING
    answer = await asked("HEAD", "/api/hello")
    assert (answer.start["status"], answer.headers[b"connection"]) == (200, b"close")


async def test_a_process_that_stays_keeps_connections() -> None:
    assert b"connection" not in (await asked("HEAD", "/api/hello")).headers


async def test_a_closed_process_refuses_as_anthropic_does_when_overloaded(process: Departure) -> None:
    process.stage = Stage.CLOSED
    answer = await asked("POST", "/v1/messages")
    assert (answer.start["status"], answer.headers[b"retry-after"]) == (503, b"1")
    assert answer.headers[b"connection"] == b"close"
    said = json.loads(answer.body)
    assert (said["type"], said["error"]["type"]) == ("error", "overloaded_error")


async def test_a_closed_process_still_says_that_it_lives(process: Departure) -> None:
    process.stage = Stage.CLOSED
    assert (await asked("GET", "/health/live")).start["status"] == 200


async def test_an_answers_own_wish_about_the_connection_gives_way() -> None:
    answer = Answer()
    await farewell.parting(answer)({"type": "http.response.start", "headers": [(b"Connection", b"keep-alive")]})
    assert answer.start["headers"] == [(b"connection", b"close")]


async def test_the_server_goes_on_until_the_unready_seconds_are_over() -> None:
    now = [100.0]
    patience = Patience(unready=5, drain=30)
    server = Server(uvicorn.Config("x:y"), patience=patience, departure=Departure(), clock=lambda: now[0])
    assert not await server.on_tick(1)
    server.told()
    assert not await server.on_tick(2)
    now[0] = 105.0
    assert await server.on_tick(3)


def test_a_process_is_gone_after_a_bounded_time_whatever_hangs() -> None:
    assert 35 < Patience(unready=5, drain=30).longest < 60
