"""One look at a deployment."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

ANSWER_SECONDS: Final = 60.0
"""What the model may take; everything else answers sooner."""
SHOWN: Final = 200


class Failed(Exception):
    """The step found something wrong; the text says what, and what to do."""


class NotAsked(Exception):
    """The step does not apply here; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is parsed JSON where it was that, else text."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def trouble(self) -> str:
        """The answer in short, for people."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        said = error.get("message", "") if isinstance(error, dict) else str(self.body)
        return f"{self.status}: {' '.join(said[:SHOWN].split())}".strip()


@dataclass
class Visit:
    """`learned` is what steps tell later ones. `undo`: what has to be done at the end, by name, the last first."""

    base_url: str
    key: str = field(repr=False)
    model: str
    http: aiohttp.ClientSession
    patience: float = 30.0
    """Seconds to wait for what happens in the background."""
    learned: dict[str, Any] = field(default_factory=dict)
    undo: list[tuple[str, Callable[[], Awaitable[str]]]] = field(default_factory=list)

    async def ask(self, method: str, path: str, *, body: Any = None, key: bool = True) -> Answer:  # noqa: ANN401 - JSON
        """Ask, and read the answer whole. Raises Failed when none comes."""
        try:
            async with self.http.request(
                method, self.base_url + path, json=body, headers=self.headers(key=key), allow_redirects=False
            ) as answer:
                return Answer(answer.status, answer.headers, _parsed(await answer.text()))
        except TimeoutError:
            raise Failed(f"no answer within {ANSWER_SECONDS:.0f} s from {path}") from None
        except aiohttp.ClientError as error:
            raise Failed(f"{path} cannot be reached ({type(error).__name__})") from None

    def headers(self, *, key: bool = True) -> dict[str, str]:
        """Who we are."""
        bearer = {"Authorization": f"Bearer {self.key}"} if key else {}
        return {"anthropic-version": "2023-06-01", "User-Agent": "nubabel-smoke-test", **bearer}

    def known(self, name: str, *, of: str) -> Any:  # noqa: ANN401
        """What an earlier step learned. Raises Failed if it did not."""
        if name not in self.learned:
            raise Failed(f"not tried: it needs what the step {of!r} was to find out")
        return self.learned[name]

    async def until(self, look: Callable[[], Awaitable[str]]) -> None:
        """Wait until `look` has nothing to complain about. Raises Failed with its last complaint."""
        due = asyncio.get_running_loop().time() + self.patience
        while complaint := await look():
            if asyncio.get_running_loop().time() >= due:
                raise Failed(f"{complaint}, still after {self.patience:.0f} s")
            await asyncio.sleep(0.25)


def _parsed(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except ValueError:
        return text
