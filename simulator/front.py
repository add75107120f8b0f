"""The front door: who asks, under which fault, and the identity headers on whatever is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.errors import ApiError, Forbidden, Unauthenticated
from simulator.latency import paced
from simulator.parties import Account, Exchange, Organization
from simulator.reply import Reply
from simulator.scene import Incoming, Scene, error_reply
from simulator.validation import version_of
from simulator.world import World

MEGABYTE = 1024 * 1024

Handler = Callable[[World, Account, Incoming], Reply]
AdminHandler = Callable[[World, Organization, Incoming], Reply]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route for account keys. `name` is what fault rules call it; `limit` bounds the body in bytes."""

    method: str
    path: str
    name: str
    handler: Handler
    limit: int = 32 * MEGABYTE


@dataclass(frozen=True, slots=True)
class AdminEndpoint:
    """A route for Admin keys only."""

    method: str
    path: str
    handler: AdminHandler
    limit: int = MEGABYTE


def credential(headers: Mapping[str, str]) -> str:
    """Give the key presented in either header. Raises Unauthenticated."""
    bearer = headers.get("authorization", "")
    presented = [headers.get("x-api-key", ""), bearer[7:].strip() if bearer[:7].lower() == "bearer " else ""]
    keys = {key for key in presented if key}
    if not keys:
        raise Unauthenticated("x-api-key header is required")
    if len(keys) > 1:
        raise Unauthenticated("Authorization and x-api-key carry different credentials")
    return keys.pop()


def answer(world: World, endpoint: Endpoint, incoming: Incoming) -> Reply:
    """Answer a request on an account's key; counts it, plays its fault and keeps a record."""
    request_id = world.ids.new("req")
    try:
        account = _account(world, incoming)
    except ApiError as error:
        reply = error_reply(error, request_id=request_id, identity={})
        _remember(world, incoming, reply, request_id=request_id)
        return reply
    account.requests += 1
    rule = world.script.take(account=account.name, route=endpoint.name, incoming=incoming) if world.script else None
    scene = _scene(world, account, endpoint, incoming, request_id=request_id)
    reply = rule.fault(scene) if rule else scene.normal()
    if pace := account.pace or world.pace:
        reply = paced(reply, pace, world.rng)
    if not reply.foreign:
        reply = reply.with_headers({"request-id": request_id, **account.identity})
    account.statuses[reply.status] = account.statuses.get(reply.status, 0) + 1
    _remember(world, incoming, reply, request_id=request_id, account=account.name, fault=rule.name if rule else None)
    return reply


def _account(world: World, incoming: Incoming) -> Account:
    key = credential(incoming.headers)
    account = world.by_key.get(key)
    if account is None or not account.usable:
        if key in world.by_admin_key:
            raise Unauthenticated("Admin keys cannot be used here")
        raise Unauthenticated("invalid x-api-key")
    return account


def _scene(world: World, account: Account, endpoint: Endpoint, incoming: Incoming, *, request_id: str) -> Scene:
    def normal() -> Reply:
        try:
            version_of(incoming.headers)
            _check_workspace(account, incoming)
            return endpoint.handler(world, account, incoming)
        except ApiError as error:
            return error_reply(error, request_id=request_id, identity=account.identity)

    return Scene(
        incoming=incoming,
        account=account.name,
        request_id=request_id,
        identity=account.identity,
        now=world.clock.now(),
        rng=world.rng,
        normal=normal,
        rate_headers=lambda model: world.rate_headers(account, model),
    )


def _check_workspace(account: Account, incoming: Incoming) -> None:
    """A key of one workspace cannot ask for another by header. Raises Forbidden."""
    wanted = incoming.headers.get("anthropic-workspace-id")
    if wanted is not None and wanted != account.workspace.id:
        raise Forbidden("This API key does not have access to the requested workspace")


def answer_admin(world: World, endpoint: AdminEndpoint, incoming: Incoming) -> Reply:
    """Answer a request on an Admin key."""
    request_id = world.ids.new("req")
    identity: dict[str, str] = {}
    try:
        organization = world.by_admin_key.get(credential(incoming.headers))
        if organization is None:
            raise Unauthenticated("An Admin API key is required")
        identity = {"anthropic-organization-id": organization.id}
        version_of(incoming.headers)
        if world.admin_refusals:
            raise world.admin_refusals.popleft()
        reply = endpoint.handler(world, organization, incoming)
    except ApiError as error:
        reply = error_reply(error, request_id=request_id, identity=identity)
    reply = reply.with_headers({"request-id": request_id, **identity})
    _remember(world, incoming, reply, request_id=request_id)
    return reply


def refuse(world: World, incoming: Incoming, error: ApiError) -> Reply:
    """Answer a request that never reaches a handler: no such route, or a body too large."""
    request_id = world.ids.new("req")
    reply = error_reply(error, request_id=request_id, identity={})
    _remember(world, incoming, reply, request_id=request_id)
    return reply


def _remember(
    world: World,
    incoming: Incoming,
    reply: Reply,
    *,
    request_id: str,
    account: str | None = None,
    fault: str | None = None,
) -> None:
    world.exchanges.append(
        Exchange(
            at=world.clock.now(),
            account=account,
            method=incoming.method,
            path=incoming.path,
            status=reply.status,
            request_id=request_id,
            fault=fault,
            headers=incoming.headers,
            body=incoming.body,
        )
    )
