"""The keys of Redis where metrics are put down."""

from typing import Final

from quota.engine.keys import prefix

_FLEET: Final = "nb:{fleet}:"
TALLIES: Final = _FLEET + "tallies"
"""A hash: what processes counted by themselves."""
ALIVE: Final = _FLEET + "alive"
"""A sorted set: processes by the time of their last report (milliseconds, Redis's clock)."""
REPORTS: Final = _FLEET + "reports"
"""A hash: process → its last report, as JSON."""
ALIVE_MS: Final = 20_000
"""So long after its last report a process still counts."""


def counts_key(pool: str) -> str:
    """A hash of the pool's counts, beside its stream."""
    return prefix(pool) + "counts"
