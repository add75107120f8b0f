import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from notifications.errors import LiveRefused
from notifications.live.board import Picture
from notifications.live.hub import LOOKED_BACK, Hub, Rhythm
from notifications.live.watcher import Over
from tests.notifications.fakes import POOL
from tests.notifications.live_makers import FakeStream, kinds_and_ids, picture, watcher

QUICK = Rhythm(block_ms=20, pause_s=0, look_s=0.005, idle_s=0.01, deadline_s=2, first_retry_s=0.005, last_retry_s=0.01)


class Looks:
    """What the numbers are. `trouble`, if any, is raised instead."""

    def __init__(self) -> None:
        self.serving = 1
        self.trouble: Exception | None = None

    async def __call__(self, _pool: str) -> Picture:
        if self.trouble:
            raise self.trouble
        return picture(serving=self.serving)


@pytest.fixture
def look() -> Looks:
    return Looks()


@pytest.fixture
async def make(look: Looks) -> AsyncIterator[Callable[..., Hub]]:
    made: list[Hub] = []

    def a_hub(stream: FakeStream, **more: Any) -> Hub:
        made.append(Hub(stream=stream, look=look, rhythm=QUICK, now_ms=lambda: 77, **more))
        return made[-1]

    yield a_hub
    for hub in made:
        await hub.close()


async def told(it: Any, part: str) -> str:
    """The next snapshot that says this."""
    async with asyncio.timeout(15):
        while True:
            for frame in await it.next(within=5):
                if part in frame.text:
                    return str(frame.text)


async def test_what_the_stream_says_next_is_heard(make: Callable[..., Hub]) -> None:
    stream = FakeStream(1)
    async with make(stream).watching(POOL) as channel:
        it = watcher(channel)
        assert kinds_and_ids(it.opening()) == ["1-0", "snapshot"]
        stream.say(2)
        assert kinds_and_ids(await it.next(within=10)) == ["2-0"]


async def test_all_who_watch_a_pool_share_its_channel(make: Callable[..., Hub]) -> None:
    hub = make(FakeStream())
    async with hub.watching(POOL) as one, hub.watching(POOL) as other:
        assert one is other


async def test_when_the_last_one_leaves_nothing_is_read_any_more(make: Callable[..., Hub]) -> None:
    stream = FakeStream()
    hub = make(stream)
    async with hub.watching(POOL):
        await asyncio.sleep(0.03)
    readings = stream.readings
    await asyncio.sleep(0.05)
    assert stream.readings == readings > 0


async def test_who_was_away_for_long_makes_the_hub_read_further_back(make: Callable[..., Hub]) -> None:
    hub = make(FakeStream(*range(1, 2 * LOOKED_BACK)))
    async with hub.watching(POOL) as channel:
        assert channel.feed.place_after("10-0") is None
        async with hub.watching(POOL, last_event_id="10-0"):
            assert len(channel.feed.since(channel.feed.place_after("10-0") or 0)) == 2 * LOOKED_BACK - 11


async def test_a_store_that_is_away_at_the_beginning_turns_listeners_away(make: Callable[..., Hub]) -> None:
    stream = FakeStream()
    stream.trouble = ConnectionError("away")
    with pytest.raises(LiveRefused) as refused:
        async with make(stream).watching(POOL):
            pass
    assert refused.value.status == 503


async def test_a_store_that_goes_away_later_makes_the_numbers_stale_until_it_is_back(
    make: Callable[..., Hub], look: Looks
) -> None:
    stream = FakeStream()
    async with make(stream).watching(POOL) as channel:
        it = watcher(channel)
        it.opening()
        stream.trouble = ConnectionError("away")
        await told(it, '"stale_since_ms":77')
        stream.trouble = None
        await told(it, '"stale_since_ms":null')


async def test_numbers_that_cannot_be_had_are_stale_too(make: Callable[..., Hub], look: Looks) -> None:
    async with make(FakeStream()).watching(POOL) as channel:
        it = watcher(channel)
        it.opening()
        look.trouble = TimeoutError()
        await told(it, '"stale_since_ms":77')


async def test_numbers_are_looked_at_although_nothing_happens(make: Callable[..., Hub], look: Looks) -> None:
    async with make(FakeStream()).watching(POOL) as channel:
        it = watcher(channel)
        it.opening()
        look.serving = 0
        await told(it, '"serving":0')


async def test_a_process_that_stops_lets_everybody_go(make: Callable[..., Hub]) -> None:
    stops: list[bool] = []
    async with make(FakeStream(), stopping=lambda: bool(stops)).watching(POOL) as channel:
        it = watcher(channel, recent=0)
        it.opening()
        stops.append(True)
        with pytest.raises(Over):
            await it.next(within=10)


async def test_closing_lets_go_of_the_store(make: Callable[..., Hub]) -> None:
    stream = FakeStream()
    await make(stream).close()
    assert stream.closed
