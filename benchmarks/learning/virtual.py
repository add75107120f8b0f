"""Time that passes only when nobody has anything to do: an hour of load takes as long as its work."""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from typing import Any, Final

BEGIN_MS: Final = 1_795_435_200_000  # 2026-11-23 12:00 UTC
_STUCK_SECONDS: Final = 0.01


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with its own time, in seconds from its making. Nothing in it may wait for the world outside."""

    def __init__(self) -> None:
        self._passed = 0.0
        super().__init__(_Impatient(self._pass))

    def time(self) -> float:
        return self._passed

    def _pass(self, seconds: float) -> None:
        self._passed += seconds


class _Impatient(selectors.BaseSelector):
    """Instead of waiting for so many seconds, says that they have passed."""

    def __init__(self, passes: Callable[[float], None]) -> None:
        self._inner = selectors.DefaultSelector()
        self._pass = passes

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = self._inner.select(_STUCK_SECONDS if timeout is None else 0)
        if not found and timeout:
            self._pass(timeout)
        return found

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class LoopClock:
    """The running loop's time, as the gateway, the engine and the simulator ask for it."""

    def now_ms(self) -> int:
        return BEGIN_MS + round(self.monotonic() * 1_000)

    def now(self) -> float:
        return BEGIN_MS / 1_000 + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
