"""Frames, batches and channels for tests, and a stream that obeys."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from notifications.live.board import Picture
from notifications.live.channel import Batch, Channel
from notifications.live.frames import Frame
from notifications.live.selection import Selection
from notifications.live.watcher import Watcher
from tests.notifications.fakes import ALPHA, NAMES, POOL, FakeEntry, breaker_entry


def frame(number: int, *, kind: str = "hold", **more: str) -> Frame:
    return Frame(f"{number}-0", kind, json.dumps({"type": kind, "id": f"{number}-0"}), **more)


def entry(number: int) -> FakeEntry:
    return breaker_entry(gen=number, entry_id=f"{number}-0")


def batch(*numbers: int, after: int = 0) -> Batch:
    """Entries of these ids, complete after the id `after`."""
    entries = tuple(entry(number) for number in numbers)
    last = f"{numbers[-1] if numbers else after}-0"
    return Batch(entries, last_id=last, after=f"{after}-0", size=len(numbers))


def picture(accounts: Mapping[str, Any] | None = None, *, serving: int = 1) -> Picture:
    """A pool whose accounts have these facts; alpha, if none are given."""
    facts = accounts or {ALPHA: {"in_flight": 0}}
    return Picture({"serving": serving}, {name: {"id": name, **said} for name, said in facts.items()}, NAMES)


def channel(*numbers: int, after: int = 0) -> Channel:
    """One that has begun with these entries."""
    made = Channel(POOL)
    made.show(picture())
    made.begin(batch(*numbers, after=after))
    return made


def watcher(of: Channel, **selection: Any) -> Watcher:
    return Watcher(of, Selection(**selection))


def kinds_and_ids(frames: Any) -> list[str]:
    """What was said, in short."""
    return [one.kind if one.kind in {"snapshot", "reload"} else one.id for one in frames]


class FakeStream:
    """What is in the streams, and what comes when the test says so. `trouble`, if any, is raised instead."""

    def __init__(self, *numbers: int, first: int = 0) -> None:
        self.numbers = list(numbers)
        self.trouble: Exception | None = None
        self.readings = 0
        self.closed = False
        self._first = first
        self._arrived = asyncio.Event()

    def say(self, *numbers: int) -> None:
        self.numbers.extend(numbers)
        self._arrived.set()

    async def after(self, places: Mapping[str, str], *, block_ms: int) -> dict[str, Batch]:
        self.readings += 1
        if self.trouble:
            raise self.trouble
        fresh = [number for number in self.numbers if number > _number(places[POOL])]
        if not fresh:
            self._arrived.clear()
            try:
                async with asyncio.timeout(block_ms / 1_000):
                    await self._arrived.wait()
            except TimeoutError:
                return {}
            return await self.after(places, block_ms=block_ms)
        return {POOL: batch(*fresh)}

    async def before(self, pool: str, entry_id: str, *, count: int) -> Batch:
        if self.trouble:
            raise self.trouble
        older = [it for it in self.numbers if not entry_id or it < _number(entry_id)][-count:]
        return batch(*older, after=older[0]) if older else Batch(())

    async def close(self) -> None:
        self.closed = True


def _number(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
