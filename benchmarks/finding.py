"""One expectation and whether it held."""

from collections.abc import Sequence

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """`seen` says what came instead, or how well it held."""

    what: str
    holds: bool
    seen: str


def none_of(what: str, wrong: Sequence[str], *, of: int, noun: str) -> Finding:
    """Holds if nothing is wrong and there was something to look at at all."""
    if not of:
        return Finding(what, holds=False, seen=f"there was no {noun} to judge by")
    first = f"{len(wrong):,} of {of:,} {noun}s: {wrong[0]}" if wrong else f"{of:,} {noun}s"
    return Finding(what, not wrong, first)
