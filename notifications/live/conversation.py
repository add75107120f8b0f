"""What is said to one listener, one after the other, whatever carries it there."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from notifications.live.frames import Frame
from notifications.live.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between heartbeats, between two looks at who listens, and for a listener to take what is sent."""

    heartbeat: float = 15.0
    recheck: float = 60.0
    send: float = 10.0


async def conversation(
    watcher: Watcher,
    *,
    patience: Patience,
    still_allowed: Callable[[], Awaitable[object]],
    clock: Callable[[], float] | None = None,
) -> AsyncGenerator[Sequence[Frame]]:
    """Yield what is to be said next; nothing at all when it is time for a heartbeat.

    Raises Over, FellBehind, and what `still_allowed` raises: LiveRefused, or TimeoutError when nobody can tell.
    """
    clock = clock or asyncio.get_running_loop().time
    yield watcher.opening()
    spoke = checked = clock()
    while True:
        frames = await watcher.next(within=max(0.0, spoke + patience.heartbeat - clock()))
        now = clock()
        if now - checked >= patience.recheck:
            await still_allowed()
            checked = now
        if frames or now - spoke >= patience.heartbeat:
            yield frames
            spoke = clock()
