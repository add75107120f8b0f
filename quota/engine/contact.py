"""Whether a store answers. While it is known to be away, only one call a second finds out anew."""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final

from quota.engine.errors import EngineAway, EngineEmpty, EngineUnavailable

logger = logging.getLogger(__name__)

ASK_AGAIN_SECONDS: Final = 1.0


class Contact:
    """`with` it around each question to the store. Raises EngineAway instead of asking one that is known to be away."""

    def __init__(self, *, monotonic: Callable[[], float], on_return: Callable[[], None]) -> None:
        self._monotonic = monotonic
        self._on_return = on_return
        self._away_until = 0.0
        self.lost = False
        """Whether the last question found the store away."""

    def __enter__(self) -> None:
        if not self.lost:
            return
        now = self._monotonic()
        if now < self._away_until:
            raise EngineAway("Redis is away; it is asked again within a second")
        self._away_until = now + ASK_AGAIN_SECONDS

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, EngineEmpty):
            if self.lost:
                self._found()
        elif issubclass(kind, EngineUnavailable):
            self._miss()

    def _miss(self) -> None:
        if not self.lost:
            logger.error("Redis does not answer; serving from this process's share", extra={"action": "degraded"})
        self.lost = True
        self._away_until = self._monotonic() + ASK_AGAIN_SECONDS

    def _found(self) -> None:
        self.lost, self._away_until = False, 0.0
        self._on_return()
        logger.warning("Redis answers again", extra={"action": "recovered"})
