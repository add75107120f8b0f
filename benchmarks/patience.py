"""Waiting for other processes: looking again and again, never for ever."""

import time
from collections.abc import Callable


def within(seconds: float, happens: Callable[[], bool], *, every: float = 0.5) -> bool:
    """Look until it has happened, at most for so many seconds; whether it has."""
    until = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True
