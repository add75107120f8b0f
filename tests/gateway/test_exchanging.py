"""Answers of servers with habits of their own, read byte for byte; the connection goes home or is dropped."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.credentials import Secret
from accounts.directory import Credential
from gateway.errors import ConnectionCut, UpstreamFault
from gateway.lines import HEAD_MAX, KEPT_SECONDS
from gateway.replies import Fault
from gateway.upstream import HttpUpstream
from gateway.wire import Request

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK"
POST = Request("POST", "/v1/messages", (("content-type", "application/json"),), b"{}")
GET = Request("GET", "/v1/models")


@dataclass
class Server:
    """What it was asked, and who asks it."""

    asked: list[bytes]
    ask: Callable[..., Awaitable[tuple[int, bytes]]]
    upstream: Any

    async def __call__(self, request=POST):
        return await self.ask(request)

    def kept(self):
        return self.upstream.kept


@asynccontextmanager
async def answering(*answers, closing=False):
    """A server that gives these answers, one for each request, and an upstream to ask it."""
    asked: list[bytes] = []
    left = list(answers)

    async def serve(reader, writer):
        try:
            while left:
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                if b"content-length: 2" in asked[-1]:
                    await reader.readexactly(2)
                writer.write(left.pop(0))
                await writer.drain()
                if closing:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream = HttpUpstream()
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def ask(request=POST):
        exchange = await upstream.open(request, Credential("a", "a", "p", url, Secret("k"), True), first_byte=5)
        try:
            body = b""
            while chunk := await exchange.read(timeout=5):
                body += chunk
        finally:
            exchange.close()
        return exchange.status, body

    try:
        yield Server(asked, ask, upstream)
    finally:
        await upstream.close()
        server.close()


async def test_what_is_sent_is_plain_http():
    async with answering(WHOLE) as ask:
        await ask()
    assert ask.asked[0].startswith(b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"content-length: 2\r\n" in ask.asked[0]


async def test_a_request_without_a_body_says_nothing_of_one():
    async with answering(WHOLE) as ask:
        await ask(GET)
    assert b"content-length" not in ask.asked[0]


async def test_the_answer_after_an_announcement_is_the_answer():
    async with answering(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + WHOLE) as ask:
        assert await ask() == (200, b"OK")


async def test_an_answer_may_end_with_its_connection():
    async with answering(b"HTTP/1.1 200 OK\r\n\r\nas far as it goes", closing=True) as ask:
        assert await ask() == (200, b"as far as it goes")
        assert ask.kept() == 0


async def test_an_answer_in_chunks_is_read_without_their_frames():
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with answering(chunks, WHOLE) as ask:
        assert [await ask(), await ask()] == [(200, b"abcde"), (200, b"OK")]
        assert ask.kept() == 1


async def test_chunks_that_end_early_are_cut():
    async with answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", closing=True) as ask:
        with pytest.raises(ConnectionCut):
            await ask()


async def test_a_connection_that_says_more_than_it_was_asked_is_not_used_again():
    async with answering(WHOLE + WHOLE) as ask:
        assert await ask() == (200, b"OK")
        assert ask.kept() == 0


async def test_a_server_that_wants_to_close_is_let_go():
    async with answering(WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")) as ask:
        assert await ask() == (200, b"OK")
        assert ask.kept() == 0


async def test_a_head_without_end_is_malformed():
    async with answering(b"HTTP/1.1 200 OK\r\nx: " + b"y" * (HEAD_MAX + 70_000)) as ask:
        with pytest.raises(UpstreamFault) as caught:
            await ask()
    assert caught.value.fault is Fault.MALFORMED


async def test_a_question_that_changes_nothing_is_asked_again_when_its_connection_was_closed():
    async with answering(b"", WHOLE, closing=True) as ask:
        assert await ask(GET) == (200, b"OK")


async def test_a_message_is_never_sent_twice():
    async with answering(b"", WHOLE, closing=True) as ask:
        with pytest.raises(ConnectionCut):
            await ask()
    assert len(ask.asked) == 1


async def test_a_large_answer_arrives_whole_however_slowly_it_is_read():
    body = bytes(range(256)) * 8_192
    async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body) as ask:
        assert await ask() == (200, body)
        assert ask.kept() == 1


async def test_a_connection_that_nobody_uses_is_closed_in_time():
    async with answering(WHOLE) as ask:
        await ask()
        lines = ask.upstream._lines
        (line,) = lines._kept[next(iter(lines._kept))]
        line.idle_since -= KEPT_SECONDS
        lines.ring()
        assert ask.kept() == 0


async def test_a_connection_that_was_used_lately_is_kept():
    async with answering(WHOLE) as ask:
        await ask()
        ask.upstream._lines.ring()
        assert ask.kept() == 1


async def test_a_connection_that_the_server_closes_while_it_waits_is_not_used():
    async with answering(WHOLE, closing=True) as ask:
        await ask()
        await asyncio.sleep(0.01)
        assert not [line for kept in ask.upstream._lines._kept.values() for line in kept if line.usable]
