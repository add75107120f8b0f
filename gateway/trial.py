"""Whether an account's key works, found out by asking Anthropic for something that is free: counting a few tokens.

No lease is taken and no breaker hears of it, so an account can be tested whatever state it is in.
"""

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import Final

from asgiref.sync import async_to_sync

from accounts.directory import Credential
from accounts.directory_rows import credential_of
from accounts.errors import BaseUrlRefused, UndecryptableKey
from accounts.kinship import kin_of
from accounts.models import ClaudeAccount
from accounts.services import remember_origin
from gateway.errors import UpstreamFault
from gateway.outcomes import Kind, Outcome, classify
from gateway.pacing import read_whole
from gateway.plain import identity, named
from gateway.replies import ERROR_BODY_MAX, Fault, Reply
from gateway.resources import read
from gateway.wire import Request, Upstream
from gateway.wiring import DEFAULT_MODEL, new_upstream

DEADLINE_SECONDS: Final = 10.0
"""For everything."""
MODELS_MAX: Final = 1_000
_HEADERS: Final = (("anthropic-version", "2023-06-01"), ("content-type", "application/json"))
_BODY_MAX: Final = 1024 * 1024
_WORDS: Final = {
    Kind.SUCCESS: "The key works.",
    Kind.KEY_REJECTED: "Anthropic refuses this key. Make another one in its Console and enter that.",
    Kind.ON_HOLD: "Anthropic has put this key's organization on hold.",
    Kind.ORGANIZATION_DISABLED: "Anthropic has disabled this key's organization.",
    Kind.SPEND_LIMIT: "The key works, but its spend limit is reached.",
    Kind.USAGE_LIMIT: "The key works, but its usage limit is reached.",
    Kind.CREDIT: "The key works, but its credit balance is too low.",
    Kind.BILLING: "The key works, but there is a problem with its billing.",
    Kind.THROTTLE: "The key works, but Anthropic holds it back at the moment.",
    Kind.RAMP: "The key works, but Anthropic holds it back at the moment.",
    Kind.OVERLOADED: "Anthropic is overloaded; try again later.",
    Kind.MODEL: "The key works, but not for the model it was tested with.",
    Kind.EDGE: "Something in front of Anthropic refused the request: check the base URL and the way out.",
    Kind.CONNECT: "The base URL cannot be reached.",
    Kind.TIMEOUT: "No answer came in time.",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found out. `models` are those that the key may use; empty where nobody told."""

    works: bool
    outcome: str
    message: str
    detail: str = ""
    status: int | None = None
    organization_id: str = ""
    workspace_id: str = ""
    shares_organization_with: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    request_id: str = ""
    took_ms: int = 0


def try_key(account: ClaudeAccount, *, within: float = DEADLINE_SECONDS) -> Trial:
    """Ask Anthropic, and remember whose key it is. Takes `within` seconds at most; never raises for a bad key."""
    try:
        credential = credential_of(account)
    except UndecryptableKey as unreadable:
        return Trial(False, Kind.KEY_UNREADABLE, str(unreadable))
    except BaseUrlRefused as refused:
        return Trial(False, Kind.ORIGIN_REFUSED, str(refused))
    model = next(iter(account.allowed_models), DEFAULT_MODEL)
    found = async_to_sync(_asked)(credential, model=model, within=within)
    return found if account._state.adding else learn(account, found)  # noqa: SLF001 - documented by Django


def learn(account: ClaudeAccount, found: Trial) -> Trial:
    """Remember whose key it is, and name the accounts of the pool that share its organization."""
    if not found.organization_id:
        return found
    remember_origin(account_id=str(account.pk), organization_id=found.organization_id, workspace_id=found.workspace_id)
    account.organization_id = found.organization_id
    return replace(found, shares_organization_with=kin_of(account))


async def _asked(credential: Credential, *, model: str, within: float) -> Trial:
    upstream = new_upstream()
    try:
        return await ask(upstream, credential, model=model, within=within)
    finally:
        await upstream.close()


async def ask(upstream: Upstream, credential: Credential, *, model: str, within: float) -> Trial:
    """Count the tokens of one word, then list the models. The second may fail without harm."""
    began = time.monotonic()
    message = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    counting = Request("POST", "/v1/messages/count_tokens", _HEADERS, json.dumps(message).encode())
    reply = await _reply(upstream, counting, credential, due=began + within)
    outcome = classify(reply, now_ms=time.time_ns() // 1_000_000)
    models: tuple[str, ...] = ()
    if outcome.kind is Kind.SUCCESS:
        listing = Request("GET", f"/v1/models?limit={MODELS_MAX}", _HEADERS)
        models = _models(await _reply(upstream, listing, credential, due=began + within))
    return _told(reply, outcome, models=models, took_ms=int((time.monotonic() - began) * 1_000))


async def _reply(upstream: Upstream, request: Request, credential: Credential, *, due: float) -> Reply:
    try:
        async with asyncio.timeout(max(0.0, due - time.monotonic())):
            return await _exchanged(upstream, request, credential)
    except TimeoutError:
        return Reply(fault=Fault.TOTAL_TIMEOUT)
    except UpstreamFault as fault:
        return Reply(fault=fault.fault)


async def _exchanged(upstream: Upstream, request: Request, credential: Credential) -> Reply:
    exchange = await upstream.open(request, credential, first_byte=DEADLINE_SECONDS)
    try:
        good = exchange.status < 300  # noqa: PLR2004
        body = await read_whole(exchange, most=_BODY_MAX if good else ERROR_BODY_MAX, seconds=DEADLINE_SECONDS)
        return Reply(status=exchange.status, headers=exchange.headers, body=body)
    finally:
        exchange.close()


def _models(reply: Reply) -> tuple[str, ...]:
    """The ids in a list of models; nothing for anything else."""
    document = read(reply.body) if reply.status == 200 else None  # noqa: PLR2004
    listed = document.get("data") if isinstance(document, dict) else None
    ids = (one.get("id") for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    return tuple(named(id_) for id_ in ids if isinstance(id_, str))[:MODELS_MAX]


def _told(reply: Reply, outcome: Outcome, *, models: tuple[str, ...], took_ms: int) -> Trial:
    headers = reply.headers
    return Trial(
        works=outcome.kind is Kind.SUCCESS,
        outcome=outcome.kind,
        message=_WORDS.get(outcome.kind, f"The test failed: {outcome.why}."),
        detail=outcome.detail,
        status=reply.status,
        organization_id=identity(headers.get("anthropic-organization-id", "")),
        workspace_id=identity(headers.get("anthropic-workspace-id", "")),
        models=models,
        request_id=identity(headers.get("request-id", "")),
        took_ms=took_ms,
    )
