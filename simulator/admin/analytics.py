"""The newer reports: flat rows of usage and cost, down to the API key."""

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.admin import spans
from simulator.admin.spans import Bucket
from simulator.batches import finish_due
from simulator.errors import InvalidRequest
from simulator.paging import by_page
from simulator.parties import Organization
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.times import DAY, parse, rfc3339
from simulator.usage import Tally
from simulator.world import World

BETA = "analytics-usage-cost-2026-08-24"
EARLIEST = parse("2026-01-01")
DIMENSIONS = (
    "api_key_id",
    "workspace_id",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "speed",
    "organization_id",
)
SPLITS = ("cost_type", "token_type")
LONGEST = {"1m": DAY, "1h": 31 * DAY, "1d": 31 * DAY}

Row = dict[str, Any]


def usage(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """GET analytics/usage."""
    by = spans.group_by(incoming, DIMENSIONS, most=5)
    rows = [
        {**_span(bucket), "group": _group(by, group, organization), "usage": _usage(tally)}
        for bucket in _buckets(world, organization, incoming, by)
        for group, tally in bucket.groups.items()
    ]
    return _answer(world, incoming, rows, lambda row: row["usage"])


def cost(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """GET analytics/cost: `amount` in fractional cents."""
    by = spans.group_by(incoming, (*DIMENSIONS, *SPLITS), most=5)
    inner = [name for name in by if name not in SPLITS]
    rows = [
        {**_span(bucket), "group": {**_group(inner, group, organization), **split}, "cost": _cost(nano, tally)}
        for bucket in _buckets(world, organization, incoming, inner)
        for group, tally in bucket.groups.items()
        for split, nano in _split(tally, by)
    ]
    return _answer(world, incoming, rows, lambda row: row["cost"])


def _buckets(world: World, organization: Organization, incoming: Incoming, by: Sequence[str]) -> list[Bucket]:
    _check_beta(incoming)
    finish_due(world)
    start, end, width = _span_of(world, incoming)
    if width:
        buckets = spans.empty_buckets(start, end, width)
    else:
        buckets = [Bucket(int(start), max(int(start) + 1, int(-(-end // 1))))]
    rows = spans.matching(world, organization, incoming, start=buckets[0].start, end=buckets[-1].end)
    spans.fill(buckets, rows, ["organization" if name == "organization_id" else name for name in by])
    return buckets


def _check_beta(incoming: Incoming) -> None:
    if BETA not in incoming.headers.get("anthropic-beta", ""):
        raise InvalidRequest(f"anthropic-beta: this endpoint requires {BETA}")


def _span_of(world: World, incoming: Incoming) -> tuple[float, float, str | None]:
    start, width = spans.start_of(incoming), incoming.first("time_bucket_width")
    end, now = spans.instant(incoming, "ending_at"), world.clock.now()
    if start < EARLIEST or start < now - 365 * DAY:
        raise InvalidRequest("starting_at: must lie within the last 365 days and not before 2026-01-01")
    if width is not None:
        spans.width_of(incoming, "time_bucket_width")
        if end is None:
            raise InvalidRequest("ending_at: required with time_bucket_width")
    end = now if end is None else end
    if not start < end <= start + LONGEST.get(width or "1d", 31 * DAY):
        raise InvalidRequest("ending_at: must be after starting_at, and the range is too long for this width or empty")
    return start, end, width


def _span(bucket: Bucket) -> Row:
    return {"starting_at": rfc3339(bucket.start), "ending_at": rfc3339(bucket.end)}


def _group(by: Sequence[str], values: spans.Group, organization: Organization) -> Row:
    named = dict(zip(by, values, strict=True))
    return {**named, "organization_id": organization.id} if "organization_id" in named else named


def _usage(tally: Tally) -> Row:
    return {**spans.usage_fields(tally), "total_tokens": tally.total_tokens, "requests": tally.requests}


def _cost(nano: int, tally: Tally) -> Row:
    amount = spans.cents(nano)
    return {"amount": amount, "list_amount": amount, "currency": "USD", "requests": tally.requests}


def _split(tally: Tally, by: Sequence[str]) -> list[tuple[Mapping[str, Any], int]]:
    """Split a tally's cost by its kind as far as the caller wants that."""
    wanted = [name for name in SPLITS if name in by]
    if not wanted:
        return [({}, tally.cost)]
    parts: dict[tuple[str | None, ...], int] = {}
    for kind, nano in tally.costs.items():
        searched = kind == "web_search"
        full = {"cost_type": "web_search" if searched else "tokens", "token_type": None if searched else kind}
        key = tuple(full[name] for name in wanted)
        parts[key] = parts.get(key, 0) + nano
    return [(dict(zip(wanted, key, strict=True)), nano) for key, nano in parts.items()]


def _answer(world: World, incoming: Incoming, rows: list[Row], metrics: Any) -> Reply:  # noqa: ANN401
    order_by = incoming.first("order_by") or "time"
    rows.sort(
        key=lambda row: row["starting_at"] if order_by == "time" else _number(metrics(row).get(order_by, 0)),
        reverse=incoming.first("order") == "desc",
    )
    page = by_page(rows, incoming)
    refreshed = rfc3339(world.clock.now() - world.admin_lag)
    return json_reply({**page, "has_more": page["next_page"] is not None, "data_refreshed_at": refreshed})


def _number(value: Any) -> float:  # noqa: ANN401
    return float(value)
