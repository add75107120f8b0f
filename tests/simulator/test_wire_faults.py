"""Broken networks, proxies and streams, as the real SDK and a bare client see them."""

import asyncio
import gzip
import zlib
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest

from simulator.clock import InstantClock, ManualClock
from simulator.testing import RunningSimulator, running_simulator
from simulator.world import demo_world

REQUEST: Any = {"model": "claude-sonnet-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
STREAM: Any = {**REQUEST, "stream": True}


async def read(client: Any) -> list[str]:
    return [event.type async for event in await client.messages.create(**STREAM)]


async def post(http: aiohttp.ClientSession, sim: RunningSimulator, body: Any = REQUEST) -> aiohttp.ClientResponse:
    headers = {"x-api-key": sim.key("alpha"), "anthropic-version": "2023-06-01"}
    return await http.post(f"{sim.url}/v1/messages", json=body, headers=headers, allow_redirects=False)


async def test_an_edge_page_is_html_and_no_error_of_the_api(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("edge_block")
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        await alpha.messages.create(**REQUEST)
    assert caught.value.type is None
    assert caught.value.response.headers["content-type"].startswith("text/html")
    assert "anthropic-organization-id" not in caught.value.response.headers
    assert "request-id" not in caught.value.response.headers


async def test_a_proxys_own_error_is_plain_text(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("edge_error", status=522)
    async with await post(http, sim) as response:
        assert (response.status, await response.text()) == (522, "error code: 522")


async def test_200_can_be_a_web_page(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("html_200")
    async with await post(http, sim) as response:
        assert (response.status, response.content_type) == (200, "text/html")


async def test_200_can_be_empty(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("empty_200")
    async with await post(http, sim) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_the_label_can_be_wrong(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("wrong_content_type")
    async with await post(http, sim) as response:
        assert response.content_type == "text/plain"
        assert b'"type": "message"' in await response.read()


async def test_a_redirect_points_elsewhere(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("redirect", location="http://127.0.0.1:9/elsewhere")
    async with await post(http, sim) as response:
        assert (response.status, response.headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")


async def test_gzip_can_be_garbage(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("gzip_garbage")
    with pytest.raises((httpx2.DecodingError, anthropic.APIConnectionError, zlib.error, gzip.BadGzipFile)):
        await alpha.messages.create(**REQUEST)


async def test_a_connection_can_be_dropped_before_any_answer(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("refuse")
    with pytest.raises(anthropic.APIConnectionError):
        await alpha.messages.create(**REQUEST)
    assert sim.world.accounts["alpha"].tokens == 0


@pytest.mark.parametrize("at", [0, 1, 100, 400])
async def test_a_stream_can_be_reset_at_any_byte(at: int, sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("reset", at=at)
    response = await post(http, sim, STREAM)
    assert len(await response.content.read(at)) == at
    with pytest.raises(aiohttp.ClientError):
        await response.content.readany()
    response.close()


async def test_a_whole_answer_can_be_reset_in_the_middle(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("reset", at=10)
    with pytest.raises((anthropic.APIConnectionError, httpx2.TransportError)):
        await alpha.messages.create(**REQUEST)


async def test_more_bytes_can_be_promised_than_are_sent(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("wrong_length")
    with pytest.raises((anthropic.APIConnectionError, httpx2.TransportError)):
        await alpha.messages.create(**REQUEST)


async def test_a_hang_before_the_headers_lasts_until_it_is_released(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("hang_before_headers")
    asked = asyncio.create_task(alpha.messages.create(**REQUEST))
    await sim.world.gate.arrived()
    assert not asked.done()
    assert sim.world.gate.open() == 1
    assert (await asked).stop_reason == "end_turn"


async def test_a_hang_after_the_headers_has_sent_them(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("hang_after_headers", frames=1)
    async with await post(http, sim, STREAM) as response:
        assert response.status == 200
        assert (await response.content.readline()) == b"event: message_start\n"
        assert sim.world.gate.waiting == 1
        sim.world.gate.open()
        assert b"message_stop" in await response.read()


async def test_a_hang_ends_when_the_client_goes_away(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("hang_before_headers")
    asked = asyncio.create_task(alpha.messages.create(**REQUEST))
    await sim.world.gate.arrived()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await sim.world.gate.emptied()
    account = sim.world.accounts["alpha"]
    assert account.tokens == 4, "the input was read, nothing was produced"


async def test_a_client_that_leaves_a_stream_pays_for_what_it_got(
    sim: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    sim.world.fault("hang_after_headers", frames=30)
    body = {**STREAM, "max_tokens": 1000, "messages": [{"role": "user", "content": "[[tokens=480]]"}]}
    response = await post(http, sim, body)
    await sim.world.gate.arrived()
    response.close()
    await sim.world.gate.emptied()
    produced = sim.world.accounts["alpha"].tokens
    assert 0 < produced < 480


async def test_a_silence_passes_with_the_clock(
    sim: RunningSimulator, clock: ManualClock, http: aiohttp.ClientSession
) -> None:
    sim.world.fault("silence", seconds=299, frames=1)
    async with await post(http, sim, STREAM) as response:
        await response.content.readline()
        assert clock.sleeping == 1
        clock.advance(299)
        assert b"message_stop" in await response.read()


async def test_pings_can_be_all_there_is_for_a_while(
    sim: RunningSimulator, clock: ManualClock, http: aiohttp.ClientSession
) -> None:
    sim.world.fault("pings", count=2, seconds=15)
    async with await post(http, sim, STREAM) as response:
        await response.content.readuntil(b"\n\n")
        clock.advance(15)
        assert await response.content.readuntil(b"\n\n") == b'event: ping\ndata: {"type": "ping"}\n\n'
        await clock.asleep()
        clock.advance(15)
        assert b"message_stop" in await response.read()


async def test_a_body_can_come_a_few_bytes_at_a_time(http: aiohttp.ClientSession) -> None:
    clock = InstantClock()
    async with running_simulator(demo_world(clock=clock)) as sim:
        sim.world.fault("drip", chunk=10, seconds=1)
        before = clock.now()
        async with await post(http, sim) as response:
            size = len(await response.read())
        assert clock.now() - before == -(-size // 10)


async def test_latency_delays_the_answer_by_the_clock(sim: RunningSimulator, clock: ManualClock, alpha: Any) -> None:
    sim.world.fault("latency", first={"kind": "fixed", "seconds": 3})
    asked = asyncio.create_task(alpha.messages.create(**REQUEST))
    await clock.asleep()
    assert not asked.done()
    clock.advance(3)
    await asked


@pytest.mark.parametrize("kind", ["overloaded_error", "api_error", "rate_limit_error"])
async def test_an_error_can_come_in_mid_stream(kind: str, sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("stream_error", type=kind)
    with pytest.raises(anthropic.APIStatusError) as caught:
        await read(alpha)
    assert (caught.value.status_code, caught.value.type) == (200, kind)


async def test_an_error_can_be_the_first_event(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("stream_error_first")
    async with await post(http, sim, STREAM) as response:
        assert (response.status, await response.content.readline()) == (200, b"event: error\n")


async def test_a_stream_can_end_without_its_last_event(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("no_message_stop")
    assert (await read(alpha))[-1] == "message_delta"


async def test_a_stream_can_just_end(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("cut_after", frames=3)
    assert await read(alpha) == ["message_start", "content_block_start"]


async def test_an_events_json_can_be_broken(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("bad_json")
    with pytest.raises(ValueError, match="char"):
        await read(alpha)


async def test_an_answers_json_can_be_broken(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("bad_json")
    async with await post(http, sim) as response:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            await response.json()


async def test_without_event_lines_the_sdk_sees_nothing(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("missing_event_line")
    assert await read(alpha) == []


async def test_crlf_is_still_a_good_stream(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("crlf")
    assert (await read(alpha))[-1] == "message_stop"


async def test_bytes_can_be_no_utf8(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("non_utf8")
    async with await post(http, sim, STREAM) as response:
        with pytest.raises(UnicodeDecodeError):
            (await response.read()).decode()


async def test_a_line_can_be_huge(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    sim.world.fault("huge_line", size=2_000_000)
    async with await post(http, sim, STREAM) as response:
        assert max(map(len, (await response.read()).split(b"\n"))) > 2_000_000
