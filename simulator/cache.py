"""The prompt cache of each workspace: write once, read until it expires.

A cached prefix belongs to (workspace, model, speed). Planning looks and decides; committing writes, and only for
requests that were admitted.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.errors import InvalidRequest
from simulator.tokens import Segment

MOST_BREAKPOINTS = 4
LOOKBACK = 20
LIFETIMES = {"5m": 300.0, "1h": 3600.0}

Scope = tuple[str, str, str]
Key = tuple[Scope, bytes]


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A place the caller asked to cache up to; `index` counts segments."""

    index: int
    ttl: str


@dataclass(frozen=True, slots=True)
class CachePlan:
    """How the prompt splits, and which entries to write or refresh once the request is admitted."""

    uncached: int
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0
    entries: tuple[tuple[Key, str], ...] = ()


def breakpoints(pieces: Sequence[Segment], top_level: Mapping[str, Any] | None) -> list[Breakpoint]:
    """Collect the caller's breakpoints; the top-level one stands on the last segment. Raises InvalidRequest."""
    found = [Breakpoint(index, _ttl(piece.cache_control)) for index, piece in enumerate(pieces) if piece.cache_control]
    if len(found) > MOST_BREAKPOINTS:
        message = f"A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {len(found)}."
        raise InvalidRequest(message)
    if top_level and pieces and (not found or found[-1].index != len(pieces) - 1):
        found.append(Breakpoint(len(pieces) - 1, _ttl(top_level)))
    return found


def _ttl(control: Mapping[str, Any] | None) -> str:
    ttl = (control or {}).get("ttl") or "5m"
    if ttl not in LIFETIMES:
        raise InvalidRequest("cache_control.ttl: Input should be '5m' or '1h'")
    return str(ttl)


def _digests(pieces: Sequence[Segment]) -> list[bytes]:
    """Digest of every prefix, cache_control left out so that moving a breakpoint keeps the prefix."""
    running = hashlib.blake2b(digest_size=16)
    digests = []
    for piece in pieces:
        payload = piece.payload
        if isinstance(payload, dict):
            payload = {name: value for name, value in payload.items() if name != "cache_control"}
        running.update(json.dumps(payload, sort_keys=True).encode() + b"\0")
        digests.append(running.digest())
    return digests


def _running_totals(pieces: Sequence[Segment]) -> list[int]:
    totals, total = [], 0
    for piece in pieces:
        total += piece.tokens
        totals.append(total)
    return totals


class PromptCache:
    """Entries with their expiry (Unix seconds) and lifetime."""

    def __init__(self) -> None:
        self._expires: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._expires)

    def plan(
        self, pieces: Sequence[Segment], marks: Sequence[Breakpoint], *, scope: Scope, minimum: int, now: float
    ) -> CachePlan:
        """Find the longest live prefix and what is to be written after it."""
        totals = _running_totals(pieces)
        marks = [mark for mark in marks if totals[mark.index] >= minimum]
        if not marks:
            return CachePlan(uncached=totals[-1] if totals else 0)
        digests = _digests(pieces)
        hit = self._longest_hit(digests, marks, scope, now)
        read = totals[hit] if hit is not None else 0
        written, boundary = {"5m": 0, "1h": 0}, read
        for mark in marks:
            if totals[mark.index] > boundary:
                written[mark.ttl] += totals[mark.index] - boundary
                boundary = totals[mark.index]
        entries = [((scope, digests[mark.index]), mark.ttl) for mark in marks]
        return CachePlan(totals[-1] - boundary, read, written["5m"], written["1h"], tuple(entries))

    def _longest_hit(
        self, digests: Sequence[bytes], marks: Sequence[Breakpoint], scope: Scope, now: float
    ) -> int | None:
        for mark in reversed(marks):
            for index in range(mark.index, max(-1, mark.index - LOOKBACK - 1), -1):
                if self._expires.get((scope, digests[index]), 0.0) > now:
                    return index
        return None

    def commit(self, plan: CachePlan, *, now: float) -> None:
        """Write the plan's entries; an entry already there lives on from now, never shorter than before."""
        for key, ttl in plan.entries:
            self._expires[key] = max(self._expires.get(key, 0.0), now + LIFETIMES[ttl])
