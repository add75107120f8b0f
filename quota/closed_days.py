"""Sums over days that have ended, remembered for a minute.

A month of a pool of a thousand accounts is some ninety thousand rollups, nearly all of days that are over. What belongs
to such a day can still change (a call that ended late, a corrected charge), so nothing is remembered for long.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from quota.times import midnight

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from quota.models import UsageRollup

SECONDS: Final = 60.0
KEPT: Final = 256
"""Questions remembered; beyond that all are forgotten."""

Fetch = Callable[["QuerySet[UsageRollup]"], list[Any]]


class ClosedDays:
    """Answers of one process. Safe for threads: at worst two of them ask the database the same."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[str, ...], tuple[float, list[Any]]] = {}
        self._lock = threading.Lock()

    def fetch(self, rows: "QuerySet[UsageRollup]", fetch: Fetch, *, key: tuple[str, ...], now: datetime) -> list[Any]:
        """What `fetch` gives of these rollups by the day, in two parts: the days that have ended, and today."""
        today = midnight(now)
        key = (*key, today.isoformat())
        known = self._get(key)
        if known is None:
            known = fetch(rows.filter(starts_at__lt=today))
            self._keep(key, known)
        return [*known, *fetch(rows.filter(starts_at__gte=today))]

    def _get(self, key: tuple[str, ...]) -> list[Any] | None:
        with self._lock:
            until, known = self._known.get(key, (0.0, None))
        return known if self._clock() < until else None

    def _keep(self, key: tuple[str, ...], known: list[Any]) -> None:
        with self._lock:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = (self._clock() + SECONDS, known)


closed_days: Final = ClosedDays()
"""This process's."""
