"""Five accounts of three organizations, whose limits nobody has told us, and what is asked of them."""

import json
from dataclasses import dataclass
from random import Random
from typing import Final

from gateway.wire import Request
from simulator.buckets import Limits
from simulator.clock import Clock
from simulator.world import World

MODEL: Final = "claude-sonnet-5-5"
ACCOUNTS: Final = {"ash": "north", "birch": "north", "cedar": "south", "elm": "south", "fir": "east"}
"""Account → organization. The organizations are of different sizes."""
_SIZES: Final = {"north": 3, "south": 5, "east": 2}
_AMPLE: Final = 1_000_000
_HEADERS: Final = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"))


@dataclass(frozen=True, slots=True)
class Scene:
    """`rpm`, `itpm` and `otpm` are for each unit of an organization's size; prompts and answers are in tokens.

    An answer takes `seconds` on average. `neighbour`: calls per minute of another program with a key of the largest
    organization.
    """

    name: str
    rpm: int = _AMPLE
    itpm: int = _AMPLE
    otpm: int = _AMPLE
    prompt: int = 100
    answer: int = 50
    seconds: float = 3.0
    stream: bool = False
    neighbour: int = 0

    @property
    def capacity(self) -> float:
        """Calls per minute that all organizations allow together."""
        each = min(self.rpm, self.itpm / self.prompt, self.otpm / self.answer)
        return each * sum(_SIZES.values()) - self.neighbour

    def request(self, random: Random) -> Request:
        """One message, of about the usual size."""
        words = round(self.prompt * random.uniform(0.7, 1.3)) * 4
        wanted = max(1, round(self.answer * random.uniform(0.5, 1.5)))
        content = f"[[tokens={wanted}]] ".ljust(words, "x")
        body = {
            "model": MODEL,
            "max_tokens": 4 * self.answer,
            "messages": [{"role": "user", "content": content}],
            "stream": self.stream,
        }
        return Request("POST", "/v1/messages", _HEADERS, json.dumps(body).encode())

    def world(self, clock: Clock, *, seed: int) -> World:
        """The organizations as Anthropic has them."""
        world = World(clock=clock, seed=seed)
        for name, size in _SIZES.items():
            world.add_organization(
                name, limits=Limits(rpm=self.rpm * size, itpm=self.itpm * size, otpm=self.otpm * size)
            )
        for account, organization in ACCOUNTS.items():
            world.add_account(account, organization=organization)
        return world


SCENES: Final = (
    Scene("requests per minute", rpm=20),
    Scene("requests, streams of 30 s", rpm=20, seconds=30.0, stream=True),
    Scene("requests, a neighbour on one key", rpm=20, neighbour=40),
    Scene("input tokens per minute", itpm=40_000, prompt=2_000),
    Scene("output tokens per minute", otpm=8_000, answer=400, seconds=8.0),
)
