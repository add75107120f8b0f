"""A deployment that answers as ours does, as far as the smoke test looks, and breaks as told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

KEY = "nb_live_of-the-smoke-test"
ACCOUNT = "11111111-1111-1111-1111-111111111111"
ACTIVITY = "22222222-2222-2222-2222-222222222222"
ORDER = "33333333-3333-3333-3333-333333333333"


@dataclass
class Deployment:
    """`broken`: answers by method and path instead of the good ones. `accounts`: the names there are, by id."""

    url: str = ""
    broken: dict[str, tuple[int, Any]] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=lambda: {ACCOUNT: "alpha"})
    made: list[dict[str, Any]] = field(default_factory=list)
    hangs: str = ""
    """A path that never answers."""
    told: list[dict[str, Any]] = field(default_factory=list)
    """What the order's record says of its messages."""
    pushes: bool = True
    """Whether the websocket tells of orders."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: list[web.StreamResponse] = field(default_factory=list)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._breaking])
        app.router.add_get("/health/{name}", self._health)
        app.router.add_post("/v1/messages", self._message)
        app.router.add_post("/api/orchestrator/execute", self._order)
        app.router.add_get("/api/admin/accounts/", self._listed)
        app.router.add_post("/api/admin/accounts/", self._created)
        app.router.add_delete("/api/admin/accounts/{id}/", self._deleted)
        app.router.add_get("/api/admin/activities/", self._nothing)
        app.router.add_get("/api/admin/activities/{id}/", self._activity)
        app.router.add_get("/api/activity/stream", self._stream)
        app.router.add_get("/ws/live/", self._socket)
        app.router.add_get("/metrics", self._metrics)
        return app

    @web.middleware
    async def _breaking(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.hangs == request.path and request.method == "POST":
            await handler(request)
            self.reached.set()
            await asyncio.Event().wait()
        broken = self.broken.get(f"{request.method} {request.path}")
        if broken is not None:
            return web.json_response(broken[1], status=broken[0])
        return await handler(request)

    async def _health(self, request: web.Request) -> web.Response:
        checks = {"checks": {"database": "ok", "redis": "ok"}} if request.match_info["name"] == "ready" else {}
        return web.json_response({"status": "ok", "timestamp": "now", **checks})

    async def _message(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": "who?"}}, status=401)
        ours = {"nubabel-account": ACCOUNT, "nubabel-activity": ACTIVITY, "nubabel-attempts": "1"}
        if (await request.json()).get("stream"):
            return web.Response(text="event: message_start\n\nevent: message_stop\n\n", headers=ours)
        return web.json_response({"type": "message"}, headers=ours)

    async def _order(self, _: web.Request) -> web.Response:
        for listener in self._listeners:
            await listener.write(f"data: {json.dumps({'activity': ORDER})}\n\n".encode())
        for socket in self._sockets if self.pushes else ():
            await socket.send_json({"type": "agent_completed", "activity": ORDER})
        return web.json_response({"activity": ORDER, "account": "alpha", "cost": {"usd": "0.001"}})

    async def _listed(self, request: web.Request) -> web.Response:
        wanted = request.query.get("search", "")
        rows = [{"id": id_, "name": name, "pool": "pool"} for id_, name in self.accounts.items() if wanted in name]
        return web.json_response({"results": rows})

    async def _created(self, request: web.Request) -> web.Response:
        new = await request.json()
        self.made.append(new)
        self.accounts["made"] = new["name"]
        shown = {name: value for name, value in new.items() if name != "api_key"}
        return web.json_response({"id": "made", **shown}, status=201)

    async def _deleted(self, request: web.Request) -> web.Response:
        self.accounts.pop(request.match_info["id"], None)
        return web.Response(status=204)

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.json_response({"results": []})

    async def _activity(self, request: web.Request) -> web.Response:
        account = {"account": ACCOUNT, "account_name": "alpha"}
        record = {"id": request.match_info["id"], "status": "completed", **account, "cost": {"usd": "0.001"}}
        return web.json_response({**record, "told": self.told})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b": welcome\n\n")
        self._listeners.append(answer)
        await asyncio.Event().wait()
        return answer

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if request.headers.get("Origin") != self.url or request.headers.get("Authorization") != f"Bearer {KEY}":
            await socket.close(code=4403)
            return socket
        await socket.send_json({"type": "hello"})
        self._sockets.append(socket)
        await socket.receive()
        return socket

    async def _metrics(self, _: web.Request) -> web.Response:
        text = '# TYPE nubabel_requests_total counter\nnubabel_requests_total{pool="p",outcome="completed"} 1\n'
        return web.Response(text=text)


@asynccontextmanager
async def deployed(deployment: Deployment) -> AsyncIterator[Deployment]:
    """Serve it until the block ends."""
    runner = web.AppRunner(deployment.application(), handler_cancellation=True, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        deployment.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield deployment
    finally:
        await runner.cleanup()
