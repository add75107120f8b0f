"""One socket with a world of the test's own making, and the same socket through Django's sessions and settings."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from pytest_django import Settings

from notifications.consumers import NOT_ALLOWED, TOO_SLOW, TRY_AGAIN, LiveConsumer, Rules, World
from notifications.relay import LIVE_GROUP, Relay
from tests.notifications.fakes import NAMES, NOON_MS, HandTime, breaker_entry, settle
from tests.notifications.test_relay import FakeOutbox

RULES = Rules(letters=3, heartbeat_s=20, recheck_s=60, send_s=5, close_s=1)


@pytest.fixture(autouse=True)
def _layer_in_memory(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


class Doorman:
    """Lets people in while `open`; `trouble` is raised instead."""

    def __init__(self) -> None:
        self.open = True
        self.trouble: Exception | None = None
        self.asked = 0

    async def __call__(self, scope: Mapping[str, Any]) -> bool:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return self.open


@pytest.fixture
def time() -> HandTime:
    return HandTime()


@pytest.fixture
def doorman() -> Doorman:
    return Doorman()


@pytest.fixture
def world(time: HandTime, doorman: Doorman) -> World:
    return World(
        welcome=lambda _scope: True,
        permitted=doorman,
        clock=time.clock,
        sleep=time.sleep,
        now_ms=lambda: NOON_MS + int(time.now * 1000),
    )


@pytest.fixture
async def socket(world: World) -> AsyncIterator[WebsocketCommunicator]:
    it = WebsocketCommunicator(LiveConsumer.as_asgi(world=world, rules=RULES), "/ws/live/")
    assert (await it.connect(timeout=15))[0]
    yield it
    await it.disconnect(timeout=15)


async def received(socket: WebsocketCommunicator) -> Any:
    return await socket.receive_json_from(timeout=15)


async def publish(*events: dict[str, Any]) -> None:
    await get_channel_layer().group_send(LIVE_GROUP, {"type": "live.events", "events": list(events)})
    await settle()


async def test_the_first_word_is_hello_with_the_servers_time(socket: WebsocketCommunicator) -> None:
    assert await received(socket) == {"type": "hello", "server_time_ms": NOON_MS, "heartbeat_s": 20}


async def test_what_the_relay_publishes_arrives_event_by_event(socket: WebsocketCommunicator) -> None:
    await received(socket)
    relay = Relay(layer=get_channel_layer(), outbox=FakeOutbox())
    await relay.publish([breaker_entry(gen=1), breaker_entry(gen=2, to="half_open")], names=NAMES)
    assert [(await received(socket))["type"] for _ in range(2)] == ["breaker_opened", "breaker_half_open"]


async def test_heartbeats_carry_the_servers_time(socket: WebsocketCommunicator, time: HandTime) -> None:
    await received(socket)
    await time.pass_by(20)
    assert await received(socket) == {"type": "heartbeat", "server_time_ms": NOON_MS + 20_000}


@pytest.mark.parametrize("frame", ["hello?", "{}", '{"type": "subscribe"}', "[" * 2_000])
async def test_whatever_a_browser_says_is_ignored(frame: str, socket: WebsocketCommunicator) -> None:
    await received(socket)
    await socket.send_to(text_data=frame)
    await socket.send_to(bytes_data=b"\x00\xff")
    await publish({"type": "hold"})
    assert await received(socket) == {"type": "hold"}


async def test_who_may_not_watch_is_turned_away_at_the_door(world: World, doorman: Doorman) -> None:
    doorman.open = False
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(world=world), "/ws/live/")
    assert await socket.connect(timeout=15) == (False, NOT_ALLOWED)
    await socket.disconnect(timeout=15)


async def test_a_page_of_another_site_is_turned_away_unasked(doorman: Doorman) -> None:
    world = World(welcome=lambda _scope: False, permitted=doorman)
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(world=world), "/ws/live/")
    assert await socket.connect(timeout=15) == (False, NOT_ALLOWED)
    assert doorman.asked == 0
    await socket.disconnect(timeout=15)


async def test_who_loses_the_right_to_watch_loses_the_socket_within_a_minute(
    socket: WebsocketCommunicator, time: HandTime, doorman: Doorman
) -> None:
    doorman.open = False
    for _ in range(3):
        await time.pass_by(20)
    frames = [await socket.receive_output(timeout=15) for _ in range(4)]
    assert frames[-1] == {"type": "websocket.close", "code": NOT_ALLOWED}


async def test_the_right_to_watch_is_looked_at_once_a_minute(
    socket: WebsocketCommunicator, time: HandTime, doorman: Doorman
) -> None:
    for _ in range(9):
        await time.pass_by(20)
        await socket.receive_output(timeout=15)
    assert doorman.asked == 1 + 3


async def test_when_the_right_cannot_be_looked_up_the_browser_is_asked_to_come_again(
    socket: WebsocketCommunicator, time: HandTime, doorman: Doorman
) -> None:
    doorman.trouble = ConnectionError("the database is away")
    for _ in range(3):
        await time.pass_by(20)
    frames = [await socket.receive_output(timeout=15) for _ in range(4)]
    assert frames[-1] == {"type": "websocket.close", "code": TRY_AGAIN}


class Stalled:
    """An ASGI server whose browser stops reading after the handshake, until `resume`d."""

    def __init__(self, consumer: Any, *, deaf: bool = False) -> None:
        self.begun = 0
        self._held_back = {"websocket.send", "websocket.close"} if deaf else {"websocket.send"}
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.frames: list[dict[str, Any]] = []
        self.reading = asyncio.Event()
        scope = {"type": "websocket", "path": "/ws/live/", "headers": []}
        self.task = asyncio.create_task(consumer(scope, self._to_app.get, self._send))
        self._to_app.put_nowait({"type": "websocket.connect"})

    async def _send(self, frame: dict[str, Any]) -> None:
        if frame["type"] in self._held_back:
            self.begun += 1
            await self.reading.wait()
        self.frames.append(frame)

    def types(self) -> list[str]:
        return [frame["type"].removeprefix("websocket.") for frame in self.frames]

    async def hang_up(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.wait_for(self.task, timeout=15)


async def until(condition: Any) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 (the condition is about frames, which announce themselves to nobody)
            await asyncio.sleep(0)


async def test_a_browser_that_stops_reading_is_cut_off(world: World) -> None:
    server = Stalled(LiveConsumer.as_asgi(world=world, rules=Rules(send_s=0.01, close_s=0.01)))
    await until(lambda: "close" in server.types())
    assert server.frames[-1]["code"] == TOO_SLOW


async def test_a_browser_that_does_not_even_take_the_closing_frame_costs_nothing_more(world: World) -> None:
    server = Stalled(LiveConsumer.as_asgi(world=world, rules=Rules(send_s=0.01, close_s=0.01)), deaf=True)
    await asyncio.wait_for(server.task, timeout=15)
    assert not get_channel_layer().groups.get(LIVE_GROUP)


async def test_a_browser_that_falls_behind_is_told_how_much_it_missed(world: World) -> None:
    consumer = LiveConsumer(world=world, rules=RULES)
    server = Stalled(consumer)
    await until(lambda: server.begun == 1)
    await publish(*({"type": "hold", "id": str(number)} for number in range(5)))
    await until(lambda: consumer._mailbox.missed == 2)
    server.reading.set()
    await until(lambda: len(server.frames) == 6)
    assert [frame["text"] for frame in server.frames[2:]] == [
        '{"type":"missed","count":2}',
        '{"type":"hold","id":"2"}',
        '{"type":"hold","id":"3"}',
        '{"type":"hold","id":"4"}',
    ]
    await server.hang_up()


async def test_a_browser_that_falls_far_behind_is_cut_off(world: World) -> None:
    consumer = LiveConsumer(world=world, rules=RULES)
    server = Stalled(consumer)
    await until(lambda: server.begun == 1)
    await publish(*({"type": "hold", "id": str(number)} for number in range(50)))
    await until(lambda: consumer._mailbox.missed == 47)
    server.reading.set()
    await until(lambda: "close" in server.types())
    assert server.frames[-1] == {"type": "websocket.close", "code": TOO_SLOW}
    await asyncio.wait_for(server.task, timeout=15)


async def test_a_browser_that_leaves_leaves_nothing_behind(world: World) -> None:
    before = asyncio.all_tasks()
    server = Stalled(LiveConsumer.as_asgi(world=world, rules=RULES))
    server.reading.set()
    await until(lambda: server.begun == 1)
    await server.hang_up()
    assert asyncio.all_tasks() - before == set()
    assert not get_channel_layer().groups.get(LIVE_GROUP)
