"""The pool as an HTTP transport: what an SDK sends goes through the attempt loop and comes back as an HTTP response."""

from collections.abc import AsyncIterator, Callable

import httpx2

from gateway.errors import CallerRefused, UpstreamFault
from gateway.paths import route
from gateway.pinned import Asked
from gateway.ports import Listener, Source
from gateway.preparing import Context
from gateway.responses import Response, Stream
from gateway.serving import OnRun, Service, refusal
from gateway.wire import Request


class PoolTransport(httpx2.AsyncBaseTransport):
    """Sends through a pool. `on_run` is told of each request's `Run`, for those who want to know how it ended."""

    def __init__(
        self,
        source: Source,
        *,
        context: Context,
        listener: Listener | None = None,
        on_run: OnRun | None = None,
        service: Callable[[], Service],
    ) -> None:
        self._service = service
        self._source = source
        self._context = context
        self._listener = listener
        self._on_run = on_run

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve one request of an SDK's."""
        return _incoming(await self._response(await _outgoing(request), _base_url(request)), request)

    async def _response(self, request: Request, base_url: str) -> Response:
        try:
            found = route(request.method, request.target.partition("?")[0])
        except CallerRefused as refused:
            return refusal(refused)
        asked = Asked(request, found, self._context, base_url)
        return await self._service().answer(asked, self._source, listener=self._listener, on_run=self._on_run)


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


def _base_url(request: httpx2.Request) -> str:
    """Where the SDK believes the API to be: a batch's results are fetched there, through this very transport."""
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"


async def _outgoing(request: httpx2.Request) -> Request:
    target = request.url.raw_path.decode("ascii")
    headers = tuple((name, value) for name, value in request.headers.items())
    return Request(request.method, target, headers, await request.aread())


def _incoming(response: Response, request: httpx2.Request) -> httpx2.Response:
    if response.stream is None:
        return httpx2.Response(response.status, headers=response.headers, content=response.body, request=request)
    body = _Body(response.stream, request)
    return httpx2.Response(response.status, headers=response.headers, stream=body, request=request)
