"""One caller: asks as any HTTP client would, and says what he was left with."""

import json
from dataclasses import dataclass
from random import Random
from typing import Final

import aiohttp

from gateway.responses import ACTIVITY_HEADER
from simulator.compose import answer
from tests.chaos.judging import Seen, Word
from tests.chaos.reading import ERRORS, of_answer
from tests.journeys.served import KEY

MODEL: Final = "claude-sonnet-5-5"
_HEADERS: Final = {"x-api-key": KEY, "anthropic-version": "2023-06-01", "content-type": "application/json"}
_LEAVING: Final = 0.03
"""The part of streams whose caller hangs up at the first piece."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Its number is part of what it says, so that every call made for it can be told."""

    number: int
    stream: bool
    tokens: int
    leaves: bool
    pause: float
    """Seconds its caller thinks before the next one."""

    @property
    def prompt(self) -> str:
        return f"chaos-{self.number}- [[tokens={self.tokens}]]"

    @property
    def text(self) -> str:
        """What the model says to it."""
        return answer(model=MODEL, prompt=self.prompt)

    @property
    def body(self) -> bytes:
        said = [{"role": "user", "content": self.prompt}]
        return json.dumps({"model": MODEL, "max_tokens": 200, "messages": said, "stream": self.stream}).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request. `activity` is empty if the answer did not name one."""

    asked: Asked
    seen: Seen
    activity: str = ""


def requests(count: int, *, thinking: float, random: Random) -> list[Asked]:
    """Make that many requests: half of them streams, answers of different lengths, some callers in a hurry."""
    made = []
    for number in range(count):
        stream = random.random() < 0.5
        leaves = stream and random.random() < _LEAVING
        made.append(Asked(number, stream, random.randint(40, 120), leaves, random.uniform(0, thinking)))
    return made


async def ask(http: aiohttp.ClientSession, url: str, asked: Asked) -> Answer:
    """Post it and read all of the answer, unless the caller leaves."""
    activity = ""
    try:
        async with http.post(f"{url}/v1/messages", data=asked.body, headers=_HEADERS) as response:
            activity = response.headers.get(ACTIVITY_HEADER, "")
            if asked.leaves and response.status < ERRORS:
                return Answer(asked, await _left(response), activity)
            body = await response.read()
            return Answer(asked, of_answer(response.status, body, stream=asked.stream, text=asked.text), activity)
    except (aiohttp.ClientError, TimeoutError):
        return Answer(asked, Seen(Word.CUT), activity)


async def _left(response: aiohttp.ClientResponse) -> Seen:
    await response.content.readany()
    response.close()
    return Seen(Word.LEFT)
