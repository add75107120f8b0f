"""The way to Anthropic: one shared HTTP client per event loop, HTTP/1.1 with keep-alive, deadlines on everything."""

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from accounts.base_urls import may_be_reached
from accounts.directory import Credential
from gateway.errors import ConnectionCut, DeadlinePassed, UnableToConnect, UnusableRequest, UpstreamFault
from gateway.forwarding import joined, request_headers
from gateway.replies import Fault
from gateway.resolving import NAMES_SECONDS, AddressRefused, CheckedResolver, May
from gateway.wire import DEADLINES, Deadlines, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTIONS_MAX: Final = 4_096
KEEPALIVE_SECONDS: Final = 30.0
"""Shorter than any server's own, so that a request is rarely written to a connection that is just being closed."""
LINE_MAX: Final = 64 * 1024


class HttpUpstream:
    """The real upstream. Belongs to the event loop it is first used on; `close()` it there."""

    def __init__(
        self,
        *,
        deadlines: Deadlines = DEADLINES,
        may: May = may_be_reached,
        names: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
    ) -> None:
        self._deadlines = deadlines
        self._may = may
        self._names = names
        self._session: aiohttp.ClientSession | None = None

    async def open(self, request: Request, credential: Credential, *, first_byte: float) -> "HttpExchange":
        """Send and wait for the head of the answer. Redirects are not followed: a key goes where it was meant to go."""
        url = URL(joined(credential.base_url, request.target), encoded=True)
        headers = request_headers(request.headers, secret=credential.api_key.reveal())
        try:
            async with asyncio.timeout(first_byte):
                response = await self._client().request(
                    request.method, url, data=request.body or None, headers=headers, allow_redirects=False
                )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _fault(error) from None  # the cause may quote a header; `fault` says all that is needed
        return HttpExchange(response)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = _session(self._deadlines, CheckedResolver(self._names(), may=self._may))
        return self._session


class HttpExchange:
    """An answer of aiohttp's."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def read(self, *, timeout: float) -> bytes:  # noqa: ASYNC109 - re-armed for every chunk
        """Give the next bytes, b"" at the end."""
        try:
            async with asyncio.timeout(timeout):
                return await self._response.content.readany()
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, ValueError):
            raise ConnectionCut(Fault.CUT) from None

    def close(self) -> None:
        """Let go of the connection; aiohttp keeps it if the answer was read to its end."""
        self._response.close() if not self._response.content.at_eof() else self._response.release()


def _session(deadlines: Deadlines, resolver: AbstractResolver) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=CONNECTIONS_MAX,
            keepalive_timeout=KEEPALIVE_SECONDS,
            resolver=resolver,
            ttl_dns_cache=NAMES_SECONDS,
        ),
        timeout=aiohttp.ClientTimeout(total=None, connect=deadlines.connect, sock_connect=deadlines.connect),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        max_line_size=LINE_MAX,
        max_field_size=LINE_MAX,
    )


def _fault(error: Exception) -> UpstreamFault | UnusableRequest:
    """Say what an exception of the HTTP client means; nothing of its text is kept."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return UnableToConnect(Fault.CONNECT_TIMEOUT)
        case aiohttp.ClientConnectorError() | aiohttp.ClientSSLError() | ssl.SSLError():
            refused = isinstance(getattr(error, "os_error", None), AddressRefused)
            return UnableToConnect(Fault.ADDRESS_REFUSED if refused else Fault.CONNECT)
        case TimeoutError():
            return DeadlinePassed(Fault.FIRST_BYTE_TIMEOUT)
        case aiohttp.ClientResponseError():
            return UpstreamFault(Fault.MALFORMED)
        case aiohttp.ClientError() | OSError():
            return ConnectionCut(Fault.CUT)
        case _:
            return UnusableRequest("the request cannot be put on the wire")
