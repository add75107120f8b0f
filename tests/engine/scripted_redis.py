"""A server that speaks just enough Redis to misbehave exactly as a test says."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import hiredis

OK: Final = b"+OK\r\n"
PONG: Final = b"+PONG\r\n"
Answer = Callable[["Visit", list[bytes]], Awaitable[None]]


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


class Visit:
    """One connection of a client."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.chunks: list[list[list[bytes]]] = []
        """Commands by the read they arrived in."""
        self.silent = False

    def say(self, reply: bytes) -> None:
        self.writer.write(reply)

    def hang_up(self) -> None:
        self.writer.close()


class ScriptedRedis:
    """Answers PING, AUTH and SELECT well and echoes the last argument of everything else.

    `next` overrides that: bytes to send, None to fall silent for good (Redis answers in order), a coroutine function.
    """

    def __init__(self) -> None:
        self.url = ""
        self.visits: list[Visit] = []
        self.received: list[list[bytes]] = []
        self._script: dict[bytes, deque[bytes | Answer | None]] = {}
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def next(self, command: str, *answers: bytes | Answer | None) -> None:
        """What to do at the next calls of this command."""
        self._script.setdefault(command.encode(), deque()).extend(answers)

    def count(self, command: str) -> int:
        return sum(parts[0] == command.encode() for parts in self.received)

    async def has_received(self, command: str, times: int) -> None:
        while self.count(command) < times:
            self._news.clear()
            await self._news.wait()

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(writer)
        self.visits.append(visit)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        parser = hiredis.Reader()
        while data := await _read(reader):
            parser.feed(data)
            chunk: list[list[bytes]] = []
            visit.chunks.append(chunk)
            while (parts := parser.gets()) is not False:
                chunk.append(parts)
                self.received.append(parts)
                self._news.set()
                await self._answer(visit, parts)
        writer.close()

    async def _answer(self, visit: Visit, parts: list[bytes]) -> None:
        waiting = self._script.get(parts[0])
        answer = waiting.popleft() if waiting else _usual(parts)
        visit.silent |= answer is None
        if callable(answer):
            await answer(visit, parts)
        elif answer is not None and not visit.silent:
            visit.say(answer)

    async def everybody_gone(self) -> None:
        """Close what is still open and wait until every visit has ended."""
        for visit in self.visits:
            visit.hang_up()
        await asyncio.gather(*self._tasks)


def _usual(parts: list[bytes]) -> bytes:
    usual = {b"PING": PONG, b"AUTH": OK, b"SELECT": OK}
    return usual.get(parts[0]) or bulk(parts[-1])


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(1 << 20)
    except ConnectionError:
        return b""


@asynccontextmanager
async def scripted_redis() -> AsyncIterator[ScriptedRedis]:
    """Listens on a port of its own; closes every connection at the end."""
    double = ScriptedRedis()
    server = await asyncio.start_server(double.visit, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    double.url = f"redis://{host}:{port}"
    try:
        yield double
    finally:
        server.close()
        await double.everybody_gone()
