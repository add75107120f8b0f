"""Reading server-sent events as a browser does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

PATIENCE = 20.0


@dataclass
class Listener:
    """One open stream. `last_id` is what a browser would send as Last-Event-ID."""

    answer: aiohttp.ClientResponse
    last_id: str = ""
    comments: list[str] = field(default_factory=list)

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next event, of one of these kinds if any are named."""
        async with asyncio.timeout(PATIENCE):
            while True:
                kind, data = await self._block()
                if data and (not kinds or kind in kinds):
                    return {"type": kind, **json.loads(data)}

    async def heartbeat(self) -> str:
        """Wait for a heartbeat; where it says that we are."""
        async with asyncio.timeout(PATIENCE):
            while not self.comments:
                await self._block()
        return self.last_id

    async def _block(self) -> tuple[str, str]:
        kind, data = "message", ""
        while line := (await self._line()):
            name, _, value = line.partition(":")
            match name:
                case "":
                    self.comments.append(value.strip())
                case "id":
                    self.last_id = value.strip()
                case "event":
                    kind = value.strip()
                case "data":
                    data += value
        return kind, data

    async def _line(self) -> str:
        line = await self.answer.content.readline()
        if not line:
            raise EOFError
        return line.decode().rstrip("\n")


@asynccontextmanager
async def listening_to(url: str, **headers: str) -> AsyncIterator[Listener]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE)
    async with (
        aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 20) as http,
        http.get(url, headers=headers) as answer,
    ):
        yield Listener(answer)
