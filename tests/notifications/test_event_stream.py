"""The ASGI application with surroundings of the test's own making; the whole is in tests.journeys.test_events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from notifications.asgi import EventStream, answers
from notifications.errors import LiveRefused
from notifications.live.access import Door, PoolName, Viewer
from notifications.live.conversation import Patience
from notifications.live.hub import Hub, Rhythm
from tests.notifications.fakes import POOL
from tests.notifications.live_makers import FakeStream, picture

QUICK = Rhythm(block_ms=20, pause_s=0, look_s=0.005, idle_s=0.01)
HASTY = Patience(heartbeat=0.02, recheck=0.05, send=0.05)


class Doorman:
    """Lets in whom it knows; `trouble`, if any, is raised instead."""

    def __init__(self) -> None:
        self.pool = ""
        self.trouble: Exception | None = None

    async def __call__(self, _scope: Any) -> Viewer:
        if self.trouble:
            raise self.trouble
        return Viewer("ada", self.pool)


async def pools(wanted: str) -> PoolName:
    if wanted not in {"", "default", POOL}:
        raise LiveRefused(404, "not_found", "There is no such pool.")
    return PoolName(POOL, "default")


class Connection:
    """One caller of the application, who may stop reading, or leave."""

    def __init__(self, app: EventStream, *, method: str = "GET", query: bytes = b"", headers: Any = ()) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.ended = False
        self.reads = asyncio.Event()
        self.reads.set()
        self._leaves = asyncio.Event()
        scope = {"type": "http", "method": method, "path": "/api/activity/stream", "query_string": query}
        self.task = asyncio.create_task(app({**scope, "headers": list(headers)}, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message["body"]
            self.ended = not message.get("more_body", False)

    async def until(self, part: bytes) -> None:
        async with asyncio.timeout(15):
            while part not in self.body:  # noqa: ASYNC110 - what is sent announces itself to nobody
                await asyncio.sleep(0.001)

    async def over(self) -> None:
        await asyncio.wait_for(asyncio.shield(self.task), 15)

    async def leave(self) -> None:
        self._leaves.set()
        await self.over()


@pytest.fixture
def doorman() -> Doorman:
    return Doorman()


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream(1)


@pytest.fixture
async def app(doorman: Doorman, stream: FakeStream) -> AsyncIterator[EventStream]:
    async def look(_pool: str) -> Any:
        return picture()

    hub = Hub(stream=stream, look=look, rhythm=QUICK)
    yield EventStream(door=Door(doorman, pools), hub=lambda: hub, patience=HASTY)
    await hub.close()


async def refused(app: EventStream, **asked: Any) -> tuple[int, str]:
    connection = Connection(app, **asked)
    await connection.over()
    return connection.status, json.loads(connection.body)["error"]["code"]


def test_it_answers_two_addresses_with_and_without_a_slash() -> None:
    assert all(answers(f"/api/{name}/stream{slash}") for name in ("activity", "events") for slash in ("", "/"))
    assert not any(answers(path) for path in ("/api/activity/stream//", "/api/activity", "/api/activity/streams"))


async def test_nothing_between_may_keep_the_stream_back(app: EventStream) -> None:
    connection = Connection(app)
    await connection.until(b"snapshot")
    assert connection.headers[b"cache-control"] == b"no-cache, no-transform"
    assert connection.headers[b"x-accel-buffering"] == b"no"
    await connection.leave()


async def test_an_event_is_its_id_its_type_and_a_line_of_json(app: EventStream) -> None:
    connection = Connection(app)
    await connection.until(b"snapshot")
    greeting, event = connection.body.decode().split("\n\n")[:2]
    assert greeting == "retry: 2000"
    place, kind, data = event.split("\n")
    assert (place, kind) == ("id: 1-0", "event: breaker_opened")
    assert json.loads(data.removeprefix("data: "))["pool"] == POOL
    await connection.leave()


async def test_a_quiet_stream_has_a_heart_that_says_how_far_it_is(app: EventStream) -> None:
    connection = Connection(app)
    await connection.until(b": heartbeat\nid: 1-0\n\n")
    await connection.leave()


async def test_events_are_read_with_get_only(app: EventStream) -> None:
    assert await refused(app, method="POST") == (405, "method_not_allowed")


async def test_a_query_that_makes_no_sense_is_refused(app: EventStream) -> None:
    assert await refused(app, query=b"type=nothing") == (400, "invalid_request")


async def test_a_last_event_id_that_is_none_is_refused(app: EventStream) -> None:
    assert await refused(app, headers=[(b"last-event-id", b"x\ny")]) == (400, "invalid_request")


async def test_another_pool_than_the_keys_does_not_exist(app: EventStream, doorman: Doorman) -> None:
    doorman.pool = "another"
    assert await refused(app, query=b"pool=default") == (404, "not_found")


async def test_when_nobody_can_tell_who_asks_the_caller_may_come_again(app: EventStream, doorman: Doorman) -> None:
    doorman.trouble = TimeoutError()
    assert await refused(app) == (503, "unavailable")


async def test_when_events_cannot_be_read_the_caller_may_come_again(app: EventStream, stream: FakeStream) -> None:
    stream.trouble = ConnectionError("away")
    assert await refused(app) == (503, "unavailable")


async def test_who_may_not_listen_any_more_is_let_go_in_good_order(app: EventStream, doorman: Doorman) -> None:
    connection = Connection(app)
    await connection.until(b"snapshot")
    doorman.trouble = LiveRefused(401, "unauthenticated", "revoked")
    await connection.over()
    assert (connection.ended, connection.status) == (True, 200)


async def test_who_stops_reading_is_cut_off_and_gets_no_end(app: EventStream) -> None:
    connection = Connection(app)
    await connection.until(b"snapshot")
    connection.reads.clear()
    await connection.over()
    assert not connection.ended


async def test_who_leaves_leaves_nothing_behind(app: EventStream) -> None:
    before = asyncio.all_tasks()
    connection = Connection(app)
    await connection.until(b"snapshot")
    await connection.leave()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - before <= {connection.task}
