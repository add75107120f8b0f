"""From a request's bytes to a `Call`: which model, how big, whose session. Pure; the body itself is never changed.

# Note [Whose session]
A conversation stays on its account because that account holds its prompt cache. It is known by the session that Claude
Code names in a header, else by `metadata.user_id`, else by what the conversation begins with: tools, system prompt and
first message come again with every turn. Where these are too short to be cached at all, nothing is kept together.

The same keeps requests where there is something that only the account which answered before knows. Cache diagnostics
and the credit for a refused answer belong to a conversation that is sent whole each time, the latter on with another
model: so the model is no part of the beginning. A thread is held by Anthropic, and its next turn shows no more than the
id of an answer that we have not written down: threads without a name stay together, all of one access key's.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.billing import date_of
from gateway.calls import Call
from gateway.errors import UnusableRequest
from gateway.wire import Request
from quota.catalog import group_of
from quota.engine.types import Client, Metric
from quota.estimate import Estimate, Policy, estimate

MESSAGES_PATH: Final = "/v1/messages"
SESSION_MAX: Final = 200
MODEL_MAX: Final = 100
ANSWER_MAX: Final = 128_000
"""Tokens no answer exceeds, whatever `max_tokens` says."""
PREFIX_MIN: Final = 2_048
"""Bytes below which a beginning has fewer than the 512 tokens that any model caches."""
_THREADS: Final = "\0threads"
"""The session of all threads that have no name; nobody can name one so."""
_NAMES_A_MODEL: Final = frozenset({MESSAGES_PATH, f"{MESSAGES_PATH}/count_tokens"})


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


class Context(msgspec.Struct, frozen=True):
    """Who asks, and what for. `principal` namespaces sessions.

    `agent` is which of the session's agents asks, `parent_agent` the one that started it. `only` is the one account
    that may serve it: it holds what the request is about. `client` is whoever has limits of its own: an access key, by
    its id.
    """

    principal: str = ""
    session: str = ""
    source: str = "client"
    category: str = ""
    agent: str = ""
    parent_agent: str = ""
    only: str = ""
    client: Client | None = None
    caller: str = ""
    """What people call him: the access key's name."""


_NOTHING: Final = msgspec.Raw(b"")


class _Body(msgspec.Struct):
    model: object = None
    max_tokens: object = None
    stream: object = None
    speed: object = None
    inference_geo: object = None
    metadata: object = None
    thread: object = None
    tools: msgspec.Raw = _NOTHING
    system: msgspec.Raw = _NOTHING
    messages: msgspec.Raw = _NOTHING


_decoder: Final = msgspec.json.Decoder(_Body)
_list_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])


def prepare(request: Request, *, context: Context, rules: PoolRules, activity: str, now_ms: int) -> Call:
    """Describe the request. Raises `UnusableRequest` for a message whose body is no JSON object or names no model."""
    path = request.target.partition("?")[0].rstrip("/")
    body = _read(request.body, strict=path in _NAMES_A_MODEL)
    model = _model(body.model)
    if not model and path in _NAMES_A_MODEL:
        raise UnusableRequest("model: a model's name is required")
    makes_tokens = path == MESSAGES_PATH  # everything else is free
    policy = careful(context.client, rules.estimate_policy)
    guess = _estimate(request, body, policy, now_ms) if makes_tokens else Estimate(0, 0)
    session = (context.session or _user_of(body.metadata))[:SESSION_MAX]
    return Call(
        activity=activity,
        pool=rules.id,
        model=model,
        group=_group(path, model),
        tokens=guess.tokens,
        input_tokens=guess.input_tokens,
        cost=guess.cost_nano,
        session=session,
        affinity=affinity_key(context.principal, session or (_unnamed(body) if makes_tokens else "")),
        source=context.source,
        category=context.category,
        access_key=context.client.id if context.client else "",
        caller=context.caller,
        agent=context.agent,
        parent_agent=context.parent_agent,
        only=context.only,
        client=None if _ends_something(request.method, path) else context.client,
        stream=body.stream is True,
        wait_ms=rules.queue_ms,
        seats=rules.queue_size,
        strategy=rules.strategy,
    )


def careful(client: Client | None, policy: Policy) -> Policy:
    """The pool's policy; the worst case for whoever has limits of tokens or cost, so that these really hold."""
    return "worst_case" if client is not None and counts_tokens(client) else policy


def counts_tokens(client: Client) -> bool:
    """Whether a limit of this client is one of tokens or cost."""
    return any(limit.metric is not Metric.REQUESTS for limit in client.limits)


def _ends_something(method: str, path: str) -> bool:
    """Whether it stops or removes what may cost: nobody's limit stands in the way of that."""
    return method == "DELETE" or path.endswith("/cancel")


def affinity_key(principal: str, session: str) -> str:
    """Give a session's key: the same name of two principals is two sessions. Empty if there is no session."""
    named = f"{len(principal)}:{principal}:{session}"
    return hashlib.sha256(named.encode()).hexdigest()[:32] if session else ""


def _unnamed(body: _Body) -> str:
    return _THREADS if isinstance(body.thread, dict) else _beginning(body)


def _beginning(body: _Body) -> str:
    """Name a conversation by what it begins with, if that is long enough to be cached; see Note [Whose session]."""
    if len(body.tools) + len(body.system) + len(body.messages) < PREFIX_MIN:
        return ""  # without a look at the messages
    first = _first(body.messages)
    if len(body.tools) + len(body.system) + len(first) < PREFIX_MIN:
        return ""
    digest = hashlib.sha256()
    for part in (body.tools, body.system, first):
        digest.update(bytes(part) + b"\0")
    return digest.hexdigest()


def _first(messages: msgspec.Raw) -> msgspec.Raw:
    try:
        listed = _list_decoder.decode(messages)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NOTHING
    return listed[0] if listed else _NOTHING


def _read(body: bytes, *, strict: bool) -> _Body:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        if strict:
            raise UnusableRequest("The body is not a JSON object.") from None
        return _Body()


def _model(value: object) -> str:
    """Give the model's name if it can be one; it ends up in Redis, in the ledger and on pages."""
    return value if isinstance(value, str) and len(value) <= MODEL_MAX and value.isprintable() else ""


def _group(path: str, model: str) -> str:
    """Counting tokens and the other routes have limits of their own at Anthropic."""
    if path == MESSAGES_PATH:
        return group_of(model)
    return path.removeprefix(f"{MESSAGES_PATH}/").removeprefix("/v1/").partition("/")[0]


def _estimate(request: Request, body: _Body, policy: Policy, now_ms: int) -> Estimate:
    asked = body.max_tokens if isinstance(body.max_tokens, int) else 0
    return estimate(
        model=_model(body.model),
        body_bytes=len(request.body),
        max_tokens=min(max(asked, 0), ANSWER_MAX),
        policy=policy,
        on=date_of(now_ms),
        expected_output=None,
        speed="fast" if body.speed == "fast" else "standard",
        geo="us" if body.inference_geo == "us" else "",
    )


def _user_of(metadata: object) -> str:
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    return user if isinstance(user, str) and user.isprintable() else ""
