"""Listening to the live stream while something is done that it must tell of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final

import aiohttp

from nubabel.smoke.visit import Failed, Visit

PATH: Final = "/api/activity/stream"
OPEN_SECONDS: Final = 10.0


class Ear:
    """What was heard so far. `deaf` says why nothing more can be heard; empty while it can."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.opened = asyncio.Event()
        self.deaf = ""

    async def listen(self, visit: Visit) -> None:
        """Until cancelled, or until the stream ends."""
        try:
            async with visit.http.get(visit.base_url + PATH, headers=visit.headers()) as answer:
                await self._read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.deaf = f"{PATH} broke ({type(error).__name__})"
        finally:
            self.opened.set()

    async def _read(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status == HTTPStatus.NOT_FOUND:
            self.deaf = f"this deployment has no {PATH} (404)"
            return
        if answer.status != HTTPStatus.OK:
            self.deaf = f"{PATH} answered {answer.status}"
            return
        self.opened.set()
        async for line in answer.content:
            self._lines.append(line.decode("utf-8", "replace"))
        self.deaf = f"{PATH} ended"

    async def complaint(self, word: str) -> str:
        """Nothing, once a line was heard that holds this word."""
        if any(word in line for line in self._lines):
            return ""
        if self.deaf:
            raise Failed(self.deaf)
        return "no event of it came (does a worker run?)"


@asynccontextmanager
async def listening(visit: Visit) -> AsyncIterator[Ear]:
    """Listen while the block runs; it begins when we are let in, or refused."""
    ear = Ear()
    task = asyncio.create_task(ear.listen(visit))
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(ear.opened.wait(), OPEN_SECONDS)
        yield ear
    finally:
        task.cancel()
        await asyncio.wait([task])
