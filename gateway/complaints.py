"""Saying to the operator, once, what will not change before this process is started with other settings."""

import logging
from typing import Final

logger = logging.getLogger(__name__)

KEPT: Final = 1_000
"""So many different complaints are remembered; beyond that nothing is said."""


class Complaints:
    """Belongs to the process: a new event loop is no reason to say it again."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def once(self, what: str, *, detail: str) -> None:
        """Log `what` as an error, with the `detail` of its first occurrence, if that has not been done."""
        if what not in self._said and len(self._said) < KEPT:
            self._said.add(what)
            logger.error("%s First met: %s", what, detail, extra={"action": "settings"})
