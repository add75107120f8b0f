"""Listening to what is pushed, while something is done that it must tell of: server-sent events and the websocket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from nubabel.smoke.visit import Failed, Visit

STREAM: Final = "/api/activity/stream"
SOCKET: Final = "/ws/live/"
OPEN_SECONDS: Final = 10.0


class Ear:
    """What was heard so far at one address. `deaf` says why nothing more can be heard; empty while it can."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._said: list[str] = []
        self.opened = asyncio.Event()
        self.deaf = ""

    async def listen(self, talk: "Talk", visit: Visit) -> None:
        """Until cancelled, or until nothing more comes."""
        try:
            await talk(self, visit)
        except aiohttp.WSServerHandshakeError as refused:
            self.deaf = f"{self.path} answered {refused.status}{_REMEDY.get(refused.status, '')}"
        except (aiohttp.ClientError, TimeoutError) as error:
            self.deaf = f"{self.path} broke ({type(error).__name__})"
        finally:
            self.opened.set()

    def hear(self, said: str) -> None:
        self._said.append(said)

    async def complaint(self, word: str) -> str:
        """Nothing, once something was heard that holds this word."""
        if any(word in said for said in self._said):
            return ""
        if self.deaf:
            raise Failed(self.deaf)
        return f"no event of it came over {self.path} (does a worker run?)"


Talk = Callable[[Ear, Visit], Awaitable[None]]
_REMEDY: Final[dict[int, str]] = {
    HTTPStatus.FORBIDDEN: ": this address is not among ALLOWED_HOSTS or CSRF_TRUSTED_ORIGINS",
}


async def stream(ear: Ear, visit: Visit) -> None:
    """Server-sent events."""
    async with visit.http.get(visit.base_url + ear.path, headers=visit.headers()) as answer:
        if answer.status == HTTPStatus.NOT_FOUND:
            ear.deaf = f"this deployment has no {ear.path} (404)"
            return
        if answer.status != HTTPStatus.OK:
            ear.deaf = f"{ear.path} answered {answer.status}"
            return
        ear.opened.set()
        async for line in answer.content:
            ear.hear(line.decode("utf-8", "replace"))
    ear.deaf = f"{ear.path} ended"


async def socket(ear: Ear, visit: Visit) -> None:
    """The websocket. It opens before it says whether we may listen, so its first frame counts."""
    parts = urlsplit(visit.base_url)
    headers = {**visit.headers(), "Origin": f"{parts.scheme}://{parts.netloc}"}
    async with visit.http.ws_connect(visit.base_url + ear.path, headers=headers) as opened:
        async for frame in opened:
            ear.hear(str(frame.data))
            ear.opened.set()
    ear.deaf = f"{ear.path} closed with {opened.close_code}"


@asynccontextmanager
async def listening(visit: Visit) -> AsyncIterator[tuple[Ear, Ear]]:
    """Listen to both while the block runs; it begins when each has let us in, or refused."""
    ears = Ear(STREAM), Ear(SOCKET)
    tasks = [asyncio.create_task(ear.listen(talk, visit)) for ear, talk in zip(ears, (stream, socket), strict=True)]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_SECONDS):
                await asyncio.gather(*(ear.opened.wait() for ear in ears))
        yield ears
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
