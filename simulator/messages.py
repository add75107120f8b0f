"""POST /v1/messages and /v1/messages/count_tokens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator import references, tokens
from simulator.buckets import rate_headers
from simulator.cache import CachePlan, breakpoints
from simulator.catalogue import Model, find, lifecycle
from simulator.compose import Completion, complete
from simulator.errors import Forbidden, InvalidRequest, NotFound, RateLimited
from simulator.parties import Account, Purse
from simulator.reply import Bill, Reply
from simulator.scene import Incoming, json_reply
from simulator.sse import message_frames
from simulator.times import month_of, next_month, rfc3339
from simulator.validation import check_message, json_object, version_of
from simulator.world import World

Json = Mapping[str, Any]

_STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_JSON_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Served:
    """A finished message with its bill."""

    message: dict[str, Any]
    completion: Completion
    bill: Bill


def create(world: World, account: Account, incoming: Incoming) -> Reply:
    """Serve one message, streamed or whole. Raises ApiError."""
    body = json_object(incoming.body)
    check_message(body, version=version_of(incoming.headers))
    references.check(world, account, body, incoming.body)
    model = model_for(world, account, str(body["model"]))
    check_money(world, account)
    plan = _cache_plan(world, account, model, body, raw=incoming.body)
    headers = _admit(world, account, model, plan)
    served = serve(world, account, Work(model, body, plan, claude_code=_is_claude_code(incoming)))
    if body.get("stream"):
        frames = message_frames(served.message, served.completion)
        return Reply(200, {**_STREAM_HEADERS, **headers}, frames, chunked=True, bill=served.bill)
    payload = json.dumps(served.message).encode()
    return Reply(200, {**_JSON_HEADERS, **headers}, (payload,), bill=served.bill)


def count(world: World, account: Account, incoming: Incoming) -> Reply:
    """Count the input tokens of a request. Raises ApiError."""
    body = json_object(incoming.body)
    check_message(body, version=version_of(incoming.headers), counting=True)
    model_for(world, account, str(body["model"]))
    return json_reply({"input_tokens": tokens.of_request(body)})


def _is_claude_code(incoming: Incoming) -> bool:
    return incoming.headers.get("user-agent", "").startswith("claude-cli")


def model_for(world: World, account: Account, name: str) -> Model:
    """Find a model this account may use. Raises NotFound or Forbidden."""
    model = find(name)
    if model is None or (model.retires_at and lifecycle(model, world.clock.now()) == "retired"):
        raise NotFound(f"model: {name}")
    if model.id in account.forbidden_models or name in account.forbidden_models:
        raise Forbidden(f"Your organization does not have permission to use model: {name}")
    return model


def check_money(world: World, account: Account) -> None:
    """Refuse when a spend cap, a spend limit or a prepaid balance is used up. Raises RateLimited or InvalidRequest."""
    now = world.clock.now()
    purse, month = account.organization.purse, month_of(now)
    if _used_up(purse.limit, purse, month):
        raise InvalidRequest(f"You have reached your specified API usage limits. {_regain(now)}")
    if _used_up(account.workspace.purse.limit, account.workspace.purse, month):
        raise InvalidRequest(f"You have reached your specified workspace API usage limits. {_regain(now)}")
    if purse.credit is not None and purse.credit <= 0:
        raise InvalidRequest("Your credit balance is too low to access the Anthropic API.")
    if _used_up(purse.cap, purse, month):
        message = f"Your organization has reached its monthly spend limit. {_regain(now)}"
        raise RateLimited(message, code="enforced_spend_limit_reached")


def _used_up(limit: int | None, purse: Purse, month: str) -> bool:
    return limit is not None and purse.spent.get(month, 0) >= limit


def _regain(now: float) -> str:
    return f"You will regain access on {rfc3339(next_month(now))[:10]} at 00:00 UTC."


def _cache_plan(world: World, account: Account, model: Model, body: Json, *, raw: bytes) -> CachePlan:
    if b'"cache_control"' not in raw:
        return CachePlan(uncached=tokens.of_request(body))
    pieces = list(tokens.segments(body))
    marks = breakpoints(pieces, body.get("cache_control"))
    scope = (account.workspace.id, model.id, str(body.get("speed") or "standard"))
    return world.cache.plan(pieces, marks, scope=scope, minimum=model.cache_minimum, now=world.clock.now())


def _admit(world: World, account: Account, model: Model, plan: CachePlan) -> dict[str, str]:
    """Take from the buckets and write the cache; give the rate-limit headers. Raises RateLimited."""
    now = world.clock.now()
    in_force = world.buckets(account, model.group)
    counted = plan.uncached + plan.write_5m + plan.write_1h
    for buckets in in_force:
        if shortage := buckets.shortage(counted, now):
            owner = account.organization.id
            raise RateLimited(
                f"This request would exceed your organization's rate limit of {shortage.limit:,} {shortage.dimension} "
                f"per minute (org: {owner}, model: {model.id}).",
                headers={**rate_headers(in_force, now), "retry-after": str(shortage.retry_after)},
            )
    for buckets in in_force:
        buckets.admit(counted, now)
    world.cache.commit(plan, now=now)
    return rate_headers(in_force, now)


@dataclass(frozen=True, slots=True)
class Work:
    """An admitted request: what to answer and how its input splits."""

    model: Model
    body: Json
    plan: CachePlan
    batch: bool = False
    claude_code: bool = False


def serve(world: World, account: Account, work: Work) -> Served:
    """Compose the message and its bill."""
    message_id = world.ids.new("msg")
    completion = complete(work.body, message_id=message_id)
    bill = _bill(account, work, completion)
    message = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": work.model.id,
        "content": list(completion.content),
        "stop_reason": completion.stop_reason,
        "stop_sequence": completion.stop_sequence,
        "usage": _usage(bill),
    }
    if container := references.container_for(world, account, work.body):
        message["container"] = container
    return Served(message, completion, bill)


def _bill(account: Account, work: Work, completion: Completion) -> Bill:
    plan = work.plan
    return Bill(
        account=account.name,
        model=work.model.id,
        group=work.model.group,
        input_tokens=plan.uncached,
        output_tokens=completion.output_tokens,
        thinking_tokens=completion.thinking_tokens,
        cache_read_tokens=plan.read,
        cache_write_5m_tokens=plan.write_5m,
        cache_write_1h_tokens=plan.write_1h,
        web_searches=completion.web_searches,
        speed="fast" if work.body.get("speed") == "fast" else "standard",
        geo=str(work.body.get("inference_geo") or ""),
        batch=work.batch,
        claude_code=work.claude_code,
    )


def _usage(bill: Bill) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": bill.input_tokens,
        "cache_creation_input_tokens": bill.cache_write_5m_tokens + bill.cache_write_1h_tokens,
        "cache_read_input_tokens": bill.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": bill.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": bill.cache_write_1h_tokens,
        },
        "output_tokens": bill.output_tokens,
        "service_tier": "batch" if bill.batch else "standard",
        "inference_geo": bill.geo or "global",
    }
    if bill.thinking_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": bill.thinking_tokens}
    if bill.web_searches:
        usage["server_tool_use"] = {"web_search_requests": bill.web_searches, "web_fetch_requests": 0}
    if bill.speed == "fast":
        usage["speed"] = "fast"
    return usage


def produced(bill: Bill, fraction: float) -> Bill:
    """Bill only the part of the output that left; the input was read in any case."""
    if fraction >= 1.0:
        return bill
    return replace(bill, output_tokens=int(bill.output_tokens * fraction))
