"""Which pool is meant where none is named. Pure."""

from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

DEFAULT_POOL: Final = "default"


class Named(Protocol):
    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Named)


def default_of(pools: Iterable[P]) -> P | None:
    """The pool named "default", else the only one there is; None if there are none, or several and none of the name."""
    known = tuple(pools)
    if len(known) == 1:
        return known[0]
    return next((pool for pool in known if pool.name == DEFAULT_POOL), None)
