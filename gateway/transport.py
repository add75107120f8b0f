"""The pool as an HTTP transport: what an SDK sends goes through the attempt loop and comes back as an HTTP response."""

import uuid
from collections.abc import AsyncIterator, Callable

import httpx2

from gateway.calls import OwnAnswer
from gateway.driver import Run
from gateway.errors import UnusableRequest, UpstreamFault
from gateway.ports import Listener, Source
from gateway.preparing import Context, prepare
from gateway.responses import Provenance, Response, Stream, own
from gateway.wire import Request


class PoolTransport(httpx2.AsyncBaseTransport):
    """Sends through a pool. `on_run` is told of each request's `Run`, for those who want to know how it ended."""

    def __init__(
        self,
        source: Source,
        *,
        context: Context,
        listener: Listener | None = None,
        on_run: Callable[[Run], None] | None = None,
    ) -> None:
        self._source = source
        self._context = context
        self._listener = listener
        self._on_run = on_run

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve one request of an SDK's."""
        ports, rules = await self._source()
        outgoing = await _outgoing(request)
        activity = str(uuid.uuid4())
        call = prepare(outgoing, context=self._context, rules=rules, activity=activity, now_ms=ports.clock.now_ms())
        run = Run(ports, call, outgoing, **({"listener": self._listener} if self._listener else {}))
        if self._on_run is not None:
            self._on_run(run)
        try:
            response = await run.respond()
        except UnusableRequest as error:
            response = own(OwnAnswer(400, "invalid_request_error", str(error)), Provenance(activity))
        return _incoming(response, request)


class _Body(httpx2.AsyncByteStream):
    """A pool's stream as the HTTP library wants it."""

    def __init__(self, stream: Stream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except UpstreamFault as error:
            raise httpx2.ReadError(error.fault.value, request=self._request) from None

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _outgoing(request: httpx2.Request) -> Request:
    target = request.url.raw_path.decode("ascii")
    headers = tuple((name, value) for name, value in request.headers.items())
    return Request(request.method, target, headers, await request.aread())


def _incoming(response: Response, request: httpx2.Request) -> httpx2.Response:
    if response.stream is None:
        return httpx2.Response(response.status, headers=response.headers, content=response.body, request=request)
    body = _Body(response.stream, request)
    return httpx2.Response(response.status, headers=response.headers, stream=body, request=request)
