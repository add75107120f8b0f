"""A steady stream of requests through the front, plain and streamed in turn, and what became of each."""

import asyncio
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import aiohttp

PER_SECOND: Final = 8
PATIENCE: Final = 60.0
MESSAGE: Final = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 60,
    "messages": [{"role": "user", "content": "Say something."}],
}
ANSWERED: Final = "answered"


@dataclass
class Load:
    """`outcomes`: how many were answered whole, and every other end by name. `activities`: whose records must be."""

    url: str
    key: str
    trust: ssl.SSLContext
    outcomes: Counter[str] = field(default_factory=Counter)
    activities: set[str] = field(default_factory=set)
    longest: float = 0.0
    sent: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Send nothing more, and wait for what was sent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(PATIENCE + 10)

    @property
    def lost(self) -> dict[str, int]:
        """What a caller would have noticed."""
        ended = sum(self.outcomes.values())
        missing = {"never ended": self.sent - ended} if self._stop.is_set() and self.sent > ended else {}
        return {name: count for name, count in self.outcomes.items() if name != ANSWERED} | missing

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self.trust)
        timeout = aiohttp.ClientTimeout(PATIENCE)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http, asyncio.TaskGroup() as asking:
            while not self._stop.is_set():
                asking.create_task(self._ask(http, stream=self.sent % 2 == 1))
                self.sent += 1
                await asyncio.sleep(1 / PER_SECOND)

    async def _ask(self, http: aiohttp.ClientSession, *, stream: bool) -> None:
        began = time.monotonic()
        try:
            outcome = await self._outcome(http, stream=stream)
        except (aiohttp.ClientError, TimeoutError) as error:
            outcome = type(error).__name__
        self.outcomes[outcome] += 1
        self.longest = max(self.longest, time.monotonic() - began)

    async def _outcome(self, http: aiohttp.ClientSession, *, stream: bool) -> str:
        headers = {"x-api-key": self.key, "anthropic-version": "2023-06-01"}
        async with http.post(f"{self.url}/v1/messages", json={**MESSAGE, "stream": stream}, headers=headers) as answer:
            text = await answer.text()
            if answer.status != 200:
                return f"HTTP {answer.status}: {text[:200]}"
            self.activities.add(answer.headers.get("nubabel-activity", ""))
            whole = "event: message_stop" in text if stream else '"stop_reason"' in text
            return ANSWERED if whole else "cut off"
