"""From a request's bytes to a `Call`: which model, how big, whose session. Pure; the body itself is never changed."""

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.billing import date_of
from gateway.calls import Call
from gateway.wire import Request
from quota.catalog import group_of
from quota.estimate import Estimate, Policy, estimate

MESSAGES_PATH: Final = "/v1/messages"
SESSION_MAX: Final = 200
MODEL_MAX: Final = 100
ANSWER_MAX: Final = 128_000
"""Tokens no answer exceeds, whatever `max_tokens` says."""


@dataclass(frozen=True, slots=True)
class PoolRules:
    """What the gateway must know of a pool (the rest is the engine's)."""

    id: str
    name: str
    strategy: str = ""
    queue_ms: int = 0
    queue_size: int = 100
    estimate_policy: Policy = "expected"
    degraded: str = "local"
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, and what for. `principal` namespaces sessions; `access_key` is the key's id."""

    principal: str = ""
    session: str = ""
    source: str = "client"
    category: str = ""
    access_key: str = ""


class _Body(msgspec.Struct):
    model: object = None
    max_tokens: object = None
    stream: object = None
    speed: object = None
    inference_geo: object = None
    metadata: object = None


_decoder: Final = msgspec.json.Decoder(_Body)


def prepare(request: Request, *, context: Context, rules: PoolRules, activity: str, now_ms: int) -> Call:
    """Describe the request. A body that is no JSON object has no model; Anthropic will say what is wrong with it."""
    body = _read(request.body)
    model = _model(body.model)
    guess = _estimate(request, body, rules, now_ms) if _makes_tokens(request) else Estimate(0, 0)
    session = (context.session or _user_of(body.metadata))[:SESSION_MAX]
    return Call(
        activity=activity,
        pool=rules.id,
        model=model,
        group=_group(request.target, model),
        tokens=guess.tokens,
        cost=guess.cost_nano,
        session=session,
        affinity=affinity_key(context.principal, session),
        source=context.source,
        category=context.category,
        access_key=context.access_key,
        stream=body.stream is True,
        wait_ms=rules.queue_ms,
        seats=rules.queue_size,
        strategy=rules.strategy,
    )


def affinity_key(principal: str, session: str) -> str:
    """Give a session's key: the same name of two principals is two sessions. Empty if there is no session."""
    named = f"{len(principal)}:{principal}:{session}"
    return hashlib.sha256(named.encode()).hexdigest()[:32] if session else ""


def _read(body: bytes) -> _Body:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _Body()


def _model(value: object) -> str:
    """Give the model's name if it can be one; it ends up in Redis, in the ledger and on pages."""
    return value if isinstance(value, str) and len(value) <= MODEL_MAX and value.isprintable() else ""


def _group(target: str, model: str) -> str:
    """Counting tokens and the other routes have limits of their own at Anthropic."""
    path = target.partition("?")[0].rstrip("/")
    if path == MESSAGES_PATH:
        return group_of(model) if model else "unknown"
    return path.removeprefix(f"{MESSAGES_PATH}/").removeprefix("/v1/").partition("/")[0]


def _makes_tokens(request: Request) -> bool:
    """Everything but messages is free."""
    return request.target.partition("?")[0].rstrip("/") == MESSAGES_PATH


def _estimate(request: Request, body: _Body, rules: PoolRules, now_ms: int) -> Estimate:
    asked = body.max_tokens if isinstance(body.max_tokens, int) else 0
    return estimate(
        model=_model(body.model),
        body_bytes=len(request.body),
        max_tokens=min(max(asked, 0), ANSWER_MAX),
        policy=rules.estimate_policy,
        on=date_of(now_ms),
        expected_output=None,
        speed="fast" if body.speed == "fast" else "standard",
        geo="us" if body.inference_geo == "us" else "",
    )


def _user_of(metadata: object) -> str:
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    return user if isinstance(user, str) and user.isprintable() else ""
