"""Time buckets, filters and groups: what all reports have in common."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from simulator.errors import InvalidRequest
from simulator.parties import Organization
from simulator.scene import Incoming
from simulator.times import DAY, parse
from simulator.usage import Dimensions, Tally
from simulator.world import World

WIDTHS = {"1m": 60, "1h": 3600, "1d": DAY}
NANO_PER_CENT = 10_000_000

Group = tuple[Any, ...]

# A query's plural filter -> the dimension it looks at.
FILTERS = {
    "api_key_ids": "api_key_id",
    "workspace_ids": "workspace_id",
    "models": "model",
    "service_tiers": "service_tier",
    "context_window": "context_window",
    "context_windows": "context_window",
    "inference_geos": "inference_geo",
    "speeds": "speed",
}


@dataclass(slots=True)
class Bucket:
    """One span of time with what was served in it, by group. Instants are Unix seconds."""

    start: int
    end: int
    groups: dict[Group, Tally] = field(default_factory=dict)


def cents(nano: int) -> str:
    """Write nano-dollars as a decimal string of cents, exactly."""
    text = f"{Decimal(nano) / NANO_PER_CENT:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant(incoming: Incoming, name: str) -> float | None:
    """Read an RFC 3339 parameter. Raises InvalidRequest."""
    text = incoming.first(name)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError:
        raise InvalidRequest(f"{name}: Input should be a valid datetime") from None


def start_of(incoming: Incoming) -> float:
    """Read `starting_at`. Raises InvalidRequest when it is missing."""
    start = instant(incoming, "starting_at")
    if start is None:
        raise InvalidRequest("starting_at: Field required")
    return start


def width_of(incoming: Incoming, name: str, *, allowed: Sequence[str] = ("1m", "1h", "1d"), default: str = "1d") -> str:
    """Read a bucket width. Raises InvalidRequest."""
    width = incoming.first(name) or default
    if width not in allowed:
        raise InvalidRequest(f"{name}: Input should be one of {', '.join(allowed)}")
    return width


def group_by(incoming: Incoming, allowed: Iterable[str], *, most: int = 9) -> list[str]:
    """Read `group_by[]`. Raises InvalidRequest for what cannot be grouped by."""
    wanted, known = incoming.every("group_by"), list(allowed)
    if unknown := [name for name in wanted if name not in known]:
        raise InvalidRequest(f"group_by: Input should be one of {', '.join(known)}, not {unknown[0]!r}")
    if len(wanted) > most:
        raise InvalidRequest(f"group_by: at most {most} dimensions")
    return wanted


def matching(
    world: World, organization: Organization, incoming: Incoming, *, start: float, end: float
) -> Iterator[tuple[int, Dimensions, Tally]]:
    """Give the minutes the filters let through, as far as the reports know them by now."""
    wanted = {name: set(incoming.every(name)) for name in FILTERS}
    checks = [(FILTERS[name], values) for name, values in wanted.items() if values]
    known_until = min(end, world.clock.now() - world.admin_lag)
    for minute, dimensions, tally in world.usage.between(start, known_until, organization=organization.name):
        if all(getattr(dimensions, dimension) in values for dimension, values in checks):
            yield minute, dimensions, tally


def empty_buckets(start: float, end: float, width: str) -> list[Bucket]:
    """Cut a span into buckets on the boundaries of the width (UTC)."""
    seconds = WIDTHS[width]
    first = int(start) // seconds * seconds
    return [Bucket(at, at + seconds) for at in range(first, int(-(-end // 1)), seconds)]


def fill(buckets: Sequence[Bucket], rows: Iterable[tuple[int, Dimensions, Tally]], groups: Sequence[str]) -> None:
    """Add each minute to its bucket and group."""
    if not buckets:
        return
    first, seconds = buckets[0].start, buckets[0].end - buckets[0].start
    for minute, dimensions, tally in rows:
        group = tuple(getattr(dimensions, name) for name in groups)
        buckets[(minute - first) // seconds].groups.setdefault(group, Tally()).add(tally)


def usage_fields(tally: Tally) -> dict[str, Any]:
    """Write a tally's tokens as the usage reports name them."""
    return {
        "uncached_input_tokens": tally.input_tokens,
        "cache_creation": {
            "ephemeral_1h_input_tokens": tally.cache_write_1h_tokens,
            "ephemeral_5m_input_tokens": tally.cache_write_5m_tokens,
        },
        "cache_read_input_tokens": tally.cache_read_tokens,
        "output_tokens": tally.output_tokens,
        "server_tool_use": {"web_search_requests": tally.web_searches},
    }


def named(groups: Sequence[str], values: Group, *, every: Iterable[str]) -> Mapping[str, Any]:
    """Give all dimensions, null where not grouped by."""
    return {**dict.fromkeys(every), **dict(zip(groups, values, strict=True))}
