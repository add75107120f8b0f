"""Who acts: said once, where a request or a command begins, and asked where something is changed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Via(StrEnum):
    """By way of what something is changed."""

    ADMIN = "admin"
    API = "api"
    COMMAND = "command"
    POOL = "pool"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who, and by way of what."""

    name: str
    via: Via


THE_POOL: Final = Actor("", Via.POOL)
_acting: ContextVar[Callable[[], Actor]] = ContextVar("acting", default=lambda: THE_POOL)


@contextmanager
def acting(who: Callable[[], Actor]) -> Iterator[None]:
    """Everything changed inside is their doing. `who` is asked when something changes: a request may not know yet."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def present_actor() -> Actor:
    """Who acts here; the pool itself where nobody said."""
    return _acting.get()()
