"""The HTTP client against a real server on loopback."""

import socket

import pytest
from aiohttp import web

from accounts.credentials import Secret
from accounts.directory import Credential
from gateway.errors import ConnectionCut, DeadlinePassed, UnableToConnect, UnusableRequest, UpstreamFault
from gateway.replies import Fault
from gateway.upstream import HttpUpstream
from gateway.wire import Deadlines, Request
from simulator.testing import running_simulator
from tests.journeys.pool import world_of
from tests.loopback import served

BODY = b'{"model":"claude-sonnet-5-5","max_tokens":20,"messages":[{"role":"user","content":"Hi"}]}'
HEADERS = (("anthropic-version", "2026-10-21"), ("content-type", "application/json"))
POST = Request("POST", "/v1/messages", HEADERS, BODY)


@pytest.fixture
async def upstream():
    upstream = HttpUpstream(deadlines=Deadlines(connect=1.0))
    yield upstream
    await upstream.close()


@pytest.fixture
async def simulator():
    async with running_simulator(world_of("alpha")) as running:
        yield running


def credential(simulator, url=None):
    return Credential("alpha", "alpha", "pool", url or simulator.url, Secret(simulator.key("alpha")), simulated=True)


async def opened(upstream, simulator, request=POST, *, first_byte=5.0, url=None):
    return await upstream.open(request, credential(simulator, url), first_byte=first_byte)


async def body_of(exchange):
    chunks = []
    while chunk := await exchange.read(timeout=5):
        chunks.append(chunk)
    exchange.close()
    return b"".join(chunks)


async def test_an_answer_comes_with_lower_case_headers_and_all_its_bytes(upstream, simulator):
    exchange = await opened(upstream, simulator)
    assert (exchange.status, exchange.headers["content-type"].partition(";")[0]) == (200, "application/json")
    assert b'"type"' in await body_of(exchange)


async def test_the_body_arrives_unchanged(upstream, simulator):
    await body_of(await opened(upstream, simulator))
    assert simulator.world.exchanges[0].body == BODY


async def test_a_connection_is_used_again(upstream, simulator):
    for _ in range(3):
        await body_of(await opened(upstream, simulator))
    assert upstream.kept == 1


async def test_an_answer_not_read_to_its_end_drops_its_connection(upstream, simulator):
    simulator.world.fault("hang_after_headers", frames=0)
    exchange = await opened(upstream, simulator)
    exchange.close()
    assert upstream.kept == 0


async def test_redirects_are_not_followed(upstream, simulator):
    simulator.world.fault("redirect")
    exchange = await opened(upstream, simulator)
    assert exchange.status == 307
    exchange.close()


async def test_cookies_are_neither_kept_nor_sent(upstream):
    seen = []

    async def bake(request):
        seen.append(request.headers.get("cookie"))
        return web.Response(headers={"set-cookie": "a=b"})

    async with served(bake) as url:
        for _ in range(2):
            exchange = await upstream.open(POST, Credential("a", "a", "p", url, Secret("k"), True), first_byte=5)
            await body_of(exchange)
    assert seen == [None, None]


async def test_no_proxy_of_the_environment_is_used(upstream, simulator, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await opened(upstream, simulator)).status == 200


async def test_compressed_bytes_are_not_touched(upstream, simulator):
    simulator.world.fault("gzip_garbage")
    exchange = await opened(upstream, simulator)
    assert (await body_of(exchange)).startswith(b"\x1f\x8b")


async def test_a_port_where_nobody_listens_is_no_connection(upstream, simulator):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnableToConnect) as caught:
        await opened(upstream, simulator, url=url)
    assert (caught.value.fault, caught.value.sent) == (Fault.CONNECT, False)


async def test_a_server_without_tls_where_tls_is_expected_is_no_connection(upstream, simulator):
    with pytest.raises(UnableToConnect):
        await opened(upstream, simulator, url=simulator.url.replace("http:", "https:"))


async def test_a_server_that_says_nothing_misses_the_first_byte(upstream, simulator):
    simulator.world.fault("hang_before_headers")
    with pytest.raises(DeadlinePassed) as caught:
        await opened(upstream, simulator, first_byte=0.05)
    assert (caught.value.fault, caught.value.sent) == (Fault.FIRST_BYTE_TIMEOUT, True)


async def test_a_server_that_falls_silent_times_the_read_out(upstream, simulator):
    simulator.world.fault("hang_after_headers", frames=0)
    exchange = await opened(upstream, simulator)
    with pytest.raises(TimeoutError):
        await exchange.read(timeout=0.05)
    exchange.close()


async def test_an_answer_that_ends_early_is_cut(upstream, simulator):
    simulator.world.fault("wrong_length")
    exchange = await opened(upstream, simulator)
    with pytest.raises(ConnectionCut):
        await body_of(exchange)
    exchange.close()


async def test_what_is_no_http_is_malformed_or_cut(upstream):
    async def gibberish(reader, writer):
        await reader.read(100)
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    import asyncio

    server = await asyncio.start_server(gibberish, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(UpstreamFault) as caught:
        await upstream.open(POST, Credential("a", "a", "p", url, Secret("k"), True), first_byte=5)
    assert caught.value.fault in {Fault.MALFORMED, Fault.CUT}
    server.close()


async def test_a_header_that_cannot_be_sent_is_the_callers_fault(upstream, simulator):
    request = Request("POST", "/v1/messages", (("anthropic-beta", "a\r\nb"),), BODY)
    with pytest.raises(UnusableRequest):
        await opened(upstream, simulator, request)


async def test_no_error_shows_the_key(upstream, simulator):
    with pytest.raises(UnableToConnect) as caught:
        await opened(upstream, simulator, url="http://127.0.0.1:9")
    assert simulator.key("alpha") not in repr(caught.value) + str(caught.value.__cause__)
