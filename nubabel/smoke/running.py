"""The steps, one after the other, and the undoing, whatever happened."""

import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import aiohttp

from nubabel.smoke.steps import STEPS, Step
from nubabel.smoke.visit import ANSWER_SECONDS, Failed, NotAsked, Visit


class Mark(StrEnum):
    GOOD = "✓"
    BAD = "✗"
    NOT_ASKED = "–"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. `seconds` it took."""

    step: str
    mark: Mark
    said: str
    seconds: float = 0.0

    def line(self) -> str:
        return f"{self.mark} {self.step:<13} {self.said}"


Tell = Callable[[Result], None]


async def look_at(
    base_url: str,
    *,
    key: str,
    model: str,
    patience: float,
    tell: Tell,
    trust: ssl.SSLContext | None = None,
    steps: Sequence[tuple[str, Step]] = STEPS,
) -> bool:
    """Take every step and undo what was done, also when cancelled. Whether nothing was wrong.

    `trust`: whose certificates are believed, if not only those of the usual authorities.
    """
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    connector = aiohttp.TCPConnector(ssl=trust or ssl.create_default_context())
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        visit = Visit(base_url.rstrip("/"), key, model, http, patience)
        good = True
        try:
            for name, step in steps:
                good &= await _taken(visit, name, step, tell)
        finally:
            good &= await _undone(visit, tell)
        return good


async def _taken(visit: Visit, name: str, step: Step, tell: Tell) -> bool:
    began = time.monotonic()
    try:
        mark, said = Mark.GOOD, await step(visit)
    except Failed as failed:
        mark, said = Mark.BAD, str(failed)
    except NotAsked as not_asked:
        mark, said = Mark.NOT_ASKED, str(not_asked)
    except (LookupError, TypeError, ValueError, AttributeError) as odd:
        mark, said = Mark.BAD, f"the answer has not the form that this version gives ({type(odd).__name__}: {odd})"
    tell(Result(name, mark, said, time.monotonic() - began))
    return mark is not Mark.BAD


async def _undone(visit: Visit, tell: Tell) -> bool:
    good = True
    while visit.undo:
        name, undo = visit.undo.pop()
        good &= await _taken(visit, "undo", partial(_undo, name=name, undo=undo), tell)
    return good


async def _undo(_: Visit, *, name: str, undo: Callable[[], Awaitable[str]]) -> str:
    return f"{name}: {await undo()}"
