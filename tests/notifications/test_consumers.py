"""One socket with a world of the test's own making; the whole is in tests.journeys.test_socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import pytest
from channels.testing import WebsocketCommunicator

from notifications.consumers import (
    NO_SUCH_POOL,
    NONSENSE,
    NOT_ALLOWED,
    RESTARTING,
    TOO_SLOW,
    TRY_AGAIN,
    LiveConsumer,
    World,
)
from notifications.errors import LiveRefused
from notifications.live.access import Door
from notifications.live.conversation import Patience
from notifications.live.feed import KEPT
from notifications.live.hub import Hub
from tests.notifications.fakes import NOON_MS, POOL
from tests.notifications.live_makers import FakeStream, batch, picture
from tests.notifications.test_event_stream import QUICK, Doorman, pools

CALM = Patience(heartbeat=60, recheck=600, send=5)
HASTY = Patience(heartbeat=0.02, recheck=0.05, send=0.05)


@pytest.fixture
def doorman() -> Doorman:
    return Doorman()


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream(1)


@pytest.fixture
async def hub(stream: FakeStream) -> AsyncIterator[Hub]:
    async def look(_pool: str) -> Any:
        return picture()

    it = Hub(stream=stream, look=look, rhythm=QUICK)
    yield it
    await it.close()


Make = Callable[..., Any]


@pytest.fixture
def consumer(hub: Hub, doorman: Doorman) -> Make:
    def make(*, patience: Patience = CALM, welcome: bool = True) -> Any:
        door = Door(doorman, pools)
        world = World(door, lambda: hub, lambda _: welcome, patience, now_ms=lambda: NOON_MS)
        return LiveConsumer.as_asgi(world=world)

    return make


class Browser:
    """A connected socket, closed in the end."""

    def __init__(self, application: Any, query: str = "") -> None:
        self.socket = WebsocketCommunicator(application, f"/ws/live/{query}")

    async def __aenter__(self) -> Self:
        assert (await self.socket.connect(timeout=15))[0]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.disconnect(timeout=15)

    async def next(self, *kinds: str) -> Any:
        while True:
            said = await self.socket.receive_json_from(timeout=15)
            if not kinds or said["type"] in kinds:
                return said

    async def closed(self) -> int:
        while True:
            frame = await self.socket.receive_output(timeout=15)
            if frame["type"] == "websocket.close":
                return int(frame["code"])


async def test_the_first_word_is_hello_with_the_servers_time_and_how_far_events_are(consumer: Make) -> None:
    async with Browser(consumer()) as browser:
        assert await browser.next() == {
            "type": "hello",
            "server_time_ms": NOON_MS,
            "heartbeat_s": 60,
            "id": "1-0",
            "pool": {"id": POOL, "name": "default"},
        }


async def test_then_come_what_happened_lately_and_all_numbers(consumer: Make) -> None:
    async with Browser(consumer()) as browser:
        assert [(await browser.next())["type"] for _ in range(3)] == ["hello", "breaker_opened", "snapshot"]


async def test_events_arrive_one_by_one(consumer: Make, stream: FakeStream) -> None:
    async with Browser(consumer()) as browser:
        await browser.next("snapshot")
        stream.say(2, 3)
        assert [(await browser.next())["id"] for _ in range(2)] == ["2-0", "3-0"]


async def test_who_comes_back_catches_up(consumer: Make, stream: FakeStream) -> None:
    stream.say(2, 3)
    async with Browser(consumer(), "?last_event_id=1-0") as browser:
        await browser.next("hello")
        assert [(await browser.next())["id"] for _ in range(2)] == ["2-0", "3-0"]


async def test_who_was_away_too_long_is_told_to_reload(consumer: Make) -> None:
    async with Browser(consumer(), "?last_event_id=0-1") as browser:
        assert [(await browser.next())["type"] for _ in range(2)] == ["hello", "reload"]


async def test_heartbeats_carry_the_servers_time(consumer: Make) -> None:
    async with Browser(consumer(patience=HASTY)) as browser:
        assert await browser.next("heartbeat") == {"type": "heartbeat", "server_time_ms": NOON_MS, "id": "1-0"}


@pytest.mark.parametrize("frame", ["hello?", "{}", '{"type": "subscribe"}', "[" * 2_000])
async def test_whatever_a_browser_says_is_ignored(frame: str, consumer: Make, stream: FakeStream) -> None:
    async with Browser(consumer()) as browser:
        await browser.next("snapshot")
        await browser.socket.send_to(text_data=frame)
        await browser.socket.send_to(bytes_data=b"\x00\xff")
        stream.say(2)
        assert (await browser.next())["id"] == "2-0"


async def test_a_page_of_another_site_is_turned_away_at_the_door(consumer: Make) -> None:
    socket = WebsocketCommunicator(consumer(welcome=False), "/ws/live/")
    assert await socket.connect(timeout=15) == (False, NOT_ALLOWED)
    await socket.disconnect(timeout=15)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (LiveRefused(401, "unauthenticated", "who?"), NOT_ALLOWED),
        (LiveRefused(403, "forbidden", "no"), NOT_ALLOWED),
        (ConnectionError("the database is away"), TRY_AGAIN),
    ],
)
async def test_a_page_of_ours_hears_why_it_may_not_watch(
    trouble: Exception, code: int, consumer: Make, doorman: Doorman
) -> None:
    doorman.trouble = trouble
    async with Browser(consumer()) as browser:
        assert await browser.closed() == code


@pytest.mark.parametrize(("query", "code"), [("?pool=other", NO_SUCH_POOL), ("?colour=red", NONSENSE)])
async def test_a_page_hears_that_it_asked_for_nothing_there_is(query: str, code: int, consumer: Make) -> None:
    async with Browser(consumer(), query) as browser:
        assert await browser.closed() == code


async def test_who_loses_the_right_to_watch_loses_the_socket(consumer: Make, doorman: Doorman) -> None:
    async with Browser(consumer(patience=HASTY)) as browser:
        await browser.next("snapshot")
        doorman.trouble = LiveRefused(403, "forbidden", "no more")
        assert await browser.closed() == NOT_ALLOWED


async def test_a_store_that_is_away_asks_the_browser_to_come_again(consumer: Make, stream: FakeStream) -> None:
    stream.trouble = ConnectionError("away")
    async with Browser(consumer()) as browser:
        assert await browser.closed() == TRY_AGAIN


async def test_a_server_that_stops_says_so(consumer: Make, hub: Hub) -> None:
    async with Browser(consumer()) as browser:
        await browser.next("snapshot")
        await hub.close()
        assert await browser.closed() == RESTARTING


class Stalled:
    """An ASGI server whose browser stops reading after the handshake, until `reading` is set."""

    def __init__(self, application: Any, *, deaf: bool = False) -> None:
        self.begun = 0
        self._held_back = {"websocket.send", "websocket.close"} if deaf else {"websocket.send"}
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.frames: list[dict[str, Any]] = []
        self.reading = asyncio.Event()
        scope = {"type": "websocket", "path": "/ws/live/", "headers": []}
        self.task = asyncio.create_task(application(scope, self._to_app.get, self._send))
        self._to_app.put_nowait({"type": "websocket.connect"})

    async def _send(self, frame: dict[str, Any]) -> None:
        if frame["type"] in self._held_back:
            self.begun += 1
            await self.reading.wait()
        self.frames.append(frame)

    async def over(self) -> None:
        await asyncio.wait_for(asyncio.shield(self.task), timeout=15)

    async def hang_up(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await self.over()


async def test_a_browser_that_stops_reading_is_cut_off(consumer: Make) -> None:
    server = Stalled(consumer(patience=HASTY))
    await server.over()
    assert server.frames[-1] == {"type": "websocket.close", "code": TOO_SLOW}


async def test_a_browser_that_does_not_even_take_the_closing_frame_costs_nothing_more(consumer: Make) -> None:
    server = Stalled(consumer(patience=HASTY), deaf=True)
    await server.over()
    assert [frame["type"] for frame in server.frames] == ["websocket.accept"]


async def test_a_browser_that_falls_behind_is_cut_off(consumer: Make, hub: Hub) -> None:
    server = Stalled(consumer())
    async with asyncio.timeout(15):
        while not server.begun:  # noqa: ASYNC110 - a frame under way announces itself to nobody
            await asyncio.sleep(0.001)
    async with hub.watching(POOL) as channel:
        channel.hear(batch(*range(2, KEPT + 10)))
        server.reading.set()
        await server.over()
    assert server.frames[-1] == {"type": "websocket.close", "code": TOO_SLOW}


async def test_a_browser_that_leaves_leaves_nothing_behind(consumer: Make, hub: Hub) -> None:
    before = asyncio.all_tasks()
    server = Stalled(consumer())
    server.reading.set()
    async with asyncio.timeout(15):
        while not any("snapshot" in frame.get("text", "") for frame in server.frames):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await server.hang_up()
    await hub.close()
    assert asyncio.all_tasks() - before <= {server.task}
