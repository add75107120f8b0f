"""The older reports: usage and cost in buckets (empty ones included), and Claude Code by day."""

from typing import Any

from simulator.admin import spans
from simulator.admin.spans import Bucket
from simulator.batches import finish_due
from simulator.catalogue import MODELS
from simulator.errors import InvalidRequest
from simulator.paging import by_page, limit_of, offset_of, token_for
from simulator.parties import Organization
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.times import DAY, rfc3339
from simulator.usage import Tally
from simulator.world import World

# Width -> how many buckets a page has by default, and at most.
PAGES = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}
USAGE_DIMENSIONS = (
    "api_key_id",
    "workspace_id",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "speed",
    "account_id",
    "service_account_id",
)
KIND_NAMES = {
    "uncached_input_tokens": "Input Tokens",
    "output_tokens": "Output Tokens",
    "cache_read_input_tokens": "Cache Read",
    "cache_creation.ephemeral_5m_input_tokens": "Cache Write (5m)",
    "cache_creation.ephemeral_1h_input_tokens": "Cache Write (1h)",
    "web_search": "Web Search",
}

Row = dict[str, Any]


def _page(world: World, incoming: Incoming, width: str) -> tuple[list[Bucket], str | None]:
    """Give this page's empty buckets and the next page's token."""
    start = spans.start_of(incoming)
    end = spans.instant(incoming, "ending_at") or world.clock.now()
    if end <= start:
        raise InvalidRequest("ending_at: must be after starting_at")
    default, most = PAGES[width]
    limit = limit_of(incoming, default=default, most=most)
    buckets = spans.empty_buckets(start, end, width)
    offset = offset_of(incoming)
    more = offset + limit < len(buckets)
    return buckets[offset : offset + limit], token_for(offset + limit) if more else None


def _answer(buckets: list[Bucket], next_page: str | None, results: list[list[Row]]) -> Reply:
    data = [
        {"starting_at": rfc3339(bucket.start), "ending_at": rfc3339(bucket.end), "results": rows}
        for bucket, rows in zip(buckets, results, strict=True)
    ]
    return json_reply({"data": data, "has_more": next_page is not None, "next_page": next_page})


def _fill(
    world: World, organization: Organization, incoming: Incoming, buckets: list[Bucket], *, by: list[str]
) -> None:
    finish_due(world)
    if buckets:
        rows = spans.matching(world, organization, incoming, start=buckets[0].start, end=buckets[-1].end)
        spans.fill(buckets, rows, [_dimension(name) for name in by])


def _dimension(name: str) -> str:
    """Only API keys serve here, so these two of the API's dimensions are always null."""
    return "nobody" if name in {"account_id", "service_account_id"} else name


def messages_usage(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """GET usage_report/messages."""
    width = spans.width_of(incoming, "bucket_width")
    by = spans.group_by(incoming, USAGE_DIMENSIONS)
    buckets, next_page = _page(world, incoming, width)
    _fill(world, organization, incoming, buckets, by=by)
    return _answer(buckets, next_page, [_usage_rows(world, bucket, by) for bucket in buckets])


def _usage_rows(world: World, bucket: Bucket, by: list[str]) -> list[Row]:
    return [
        {**spans.usage_fields(tally), **_without_default(world, spans.named(by, group, every=USAGE_DIMENSIONS))}
        for group, tally in bucket.groups.items()
    ]


def _without_default(world: World, row: Any) -> Row:  # noqa: ANN401
    """The older reports call the default workspace null."""
    workspace = world.workspaces.get(str(row.get("workspace_id")))
    return {**row, "workspace_id": None} if workspace and workspace.is_default else dict(row)


COST_DIMENSIONS = ("workspace_id", "description")
_DETAILS = ("model", "service_tier", "context_window", "inference_geo")


def cost(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """GET cost_report: amounts are decimal strings in cents."""
    width = spans.width_of(incoming, "bucket_width", allowed=("1d",))
    by = spans.group_by(incoming, COST_DIMENSIONS)
    buckets, next_page = _page(world, incoming, width)
    inner = [name for name in by if name != "description"]
    detailed = "description" in by
    _fill(world, organization, incoming, buckets, by=inner + list(_DETAILS) if detailed else inner)
    rows = [
        [row for item in bucket.groups.items() for row in _cost_rows(world, item, inner, detailed)]
        for bucket in buckets
    ]
    return _answer(buckets, next_page, rows)


def _cost_rows(world: World, item: tuple[tuple[Any, ...], Tally], inner: list[str], detailed: bool) -> list[Row]:
    group, tally = item
    blank = dict.fromkeys((*_DETAILS, "workspace_id", "cost_type", "description", "token_type"))
    if not detailed:
        named = {**blank, **dict(zip(inner, group, strict=True))}
        return [{"amount": spans.cents(tally.cost), "currency": "USD", **_without_default(world, named)}]
    named = {**blank, **dict(zip((*inner, *_DETAILS), group, strict=True))}
    return [
        {"amount": spans.cents(nano), "currency": "USD", **_without_default(world, {**named, **_kind(kind, named)})}
        for kind, nano in tally.costs.items()
    ]


def _kind(kind: str, named: Row) -> Row:
    if kind == "web_search":
        return {"cost_type": "web_search", "description": "Web Search Usage", "model": None}
    title = f"{MODELS[named['model']].display_name} Usage - {KIND_NAMES[kind]}"
    return {"cost_type": "tokens", "description": title, "token_type": kind}


def claude_code(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """GET usage_report/claude_code: one UTC day, one row per key that Claude Code used."""
    start = spans.start_of(incoming)
    actors: dict[str, dict[str, Tally]] = {}
    names = {account.key_id: account.name for account in world.accounts.values()}
    for _, dimensions, tally in spans.matching(world, organization, incoming, start=start, end=start + DAY):
        if dimensions.claude_code:
            actors.setdefault(dimensions.api_key_id, {}).setdefault(dimensions.model, Tally()).add(tally)
    rows = [_actor_row(organization, start, names[key_id], models) for key_id, models in actors.items()]
    page = by_page(rows, incoming)
    return json_reply({**page, "has_more": page["next_page"] is not None})


def _actor_row(organization: Organization, start: float, name: str, models: dict[str, Tally]) -> Row:
    return {
        "date": rfc3339(start),
        "actor": {"type": "api_actor", "api_key_name": name},
        "organization_id": organization.id,
        "customer_type": "api",
        "terminal_type": "simulated",
        "core_metrics": {
            "num_sessions": sum(tally.requests for tally in models.values()),
            "lines_of_code": {"added": 0, "removed": 0},
            "commits_by_claude_code": 0,
            "pull_requests_by_claude_code": 0,
        },
        "tool_actions": {},
        "model_breakdown": [_model_row(model, tally) for model, tally in models.items()],
    }


def _model_row(model: str, tally: Tally) -> Row:
    return {
        "model": model,
        "tokens": {
            "input": tally.input_tokens,
            "output": tally.output_tokens,
            "cache_read": tally.cache_read_tokens,
            "cache_creation": tally.cache_write_5m_tokens + tally.cache_write_1h_tokens,
        },
        "estimated_cost": {"amount": tally.cost // spans.NANO_PER_CENT, "currency": "USD"},
    }
