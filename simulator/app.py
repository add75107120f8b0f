"""The aiohttp application over a world: reads requests into values, carries replies out, decides nothing."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import BodyPartReader, web

from simulator import control, messages
from simulator.control import ControlHandler
from simulator.errors import ApiError, InvalidRequest, NotFound, ScriptError, TooLarge
from simulator.front import MEGABYTE, AdminEndpoint, Endpoint, answer, answer_admin, refuse
from simulator.parties import Exchange
from simulator.reply import Reply
from simulator.routes import ADMIN_ENDPOINTS, ENDPOINTS
from simulator.scene import Incoming, Part, json_reply
from simulator.wire import Delivery
from simulator.world import World

WORLD = web.AppKey("world", World)

# aiohttp itself lets everything pass; each endpoint has a limit of its own.
LARGEST = 1024 * MEGABYTE

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(world: World) -> web.Application:
    """Build the application. Run it with `handler_cancellation=True`, so that a client's going away ends a hang."""
    app = web.Application(client_max_size=LARGEST)
    app[WORLD] = world
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, endpoint.path, _account_handler(world, endpoint))
    for admin in ADMIN_ENDPOINTS:
        app.router.add_route(admin.method, admin.path, _admin_handler(world, admin))
    for method, path, handler in control.ROUTES:
        app.router.add_route(method, path, _control_handler(world, handler))
    app.router.add_route("HEAD", "/api/hello", _hello)
    app.router.add_route("*", "/{anything:.*}", _nowhere(world))
    return app


def _account_handler(world: World, endpoint: Endpoint) -> WebHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            incoming = await read(request, limit=endpoint.limit)
        except ApiError as error:
            return await _deliver(world, request, refuse(world, _without_body(request), error))
        reply = answer(world, endpoint, incoming)
        return await _deliver(world, request, reply, exchange=world.exchanges[-1] if world.exchanges else None)

    return handle


def _admin_handler(world: World, endpoint: AdminEndpoint) -> WebHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            incoming = await read(request, limit=endpoint.limit)
        except ApiError as error:
            return await _deliver(world, request, refuse(world, _without_body(request), error))
        return await _deliver(world, request, answer_admin(world, endpoint, incoming))

    return handle


def _control_handler(world: World, handler: ControlHandler) -> WebHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        incoming = await read(request)
        try:
            reply = handler(world, incoming)
        except (ScriptError, ApiError, ValueError, KeyError) as error:
            reply = json_reply({"error": str(error)}, status=400)
        return await _deliver(world, request, reply)

    return handle


async def _deliver(
    world: World, request: web.Request, reply: Reply, *, exchange: Exchange | None = None
) -> web.StreamResponse:
    delivery = Delivery(request, clock=world.clock, gate=world.gate)
    try:
        return await delivery.send(reply)
    finally:
        bill = reply.bill and messages.produced(reply.bill, delivery.fraction)
        if bill is not None:
            world.settle(world.accounts[bill.account], bill)
        if exchange is not None and world.journal is not None:
            world.journal.write(exchange, bill, until=world.clock.now())


async def _hello(_request: web.Request) -> web.StreamResponse:
    return web.Response()


def _nowhere(world: World) -> WebHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await _deliver(world, request, refuse(world, _without_body(request), NotFound("Not found")))

    return handle


async def read(request: web.Request, *, limit: int = 32 * MEGABYTE) -> Incoming:
    """Read a request into a value. Raises TooLarge beyond `limit` bytes, InvalidRequest for nested parts."""
    parts: tuple[Part, ...] = ()
    body = b""
    if request.content_type.startswith("multipart/"):
        parts = await _parts(request, limit)
    elif request.can_read_body:
        body = await _body(request, limit)
    return _incoming(request, body, parts)


def _incoming(request: web.Request, body: bytes, parts: tuple[Part, ...]) -> Incoming:
    return Incoming(
        method=request.method,
        path=request.path,
        headers=request.headers,
        body=body,
        query=_query(request) if request.query_string else {},
        params=request.match_info,
        parts=parts,
        origin=f"{request.scheme}://{request.host}",
    )


def _without_body(request: web.Request) -> Incoming:
    return _incoming(request, b"", ())


def _query(request: web.Request) -> Mapping[str, list[str]]:
    return {name: request.query.getall(name) for name in request.query}


async def _body(request: web.Request, limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise TooLarge("Request exceeds the maximum size")
    body = await request.read()
    if len(body) > limit:
        raise TooLarge("Request exceeds the maximum size")
    return body


async def _parts(request: web.Request, limit: int) -> tuple[Part, ...]:
    parts, total = [], 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise InvalidRequest("Nested multipart bodies are not supported")
        data = bytes(await part.read())
        total += len(data)
        if total > limit:
            raise TooLarge("Request exceeds the maximum size")
        parts.append(Part(part.name or "", part.filename, part.headers.get("content-type", ""), data))
    return tuple(parts)
