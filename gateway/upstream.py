"""The way to Anthropic: one shared HTTP client per event loop, HTTP/1.1 with keep-alive, deadlines on everything."""

import asyncio
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from accounts.base_urls import may_be_reached
from accounts.directory import Credential
from accounts.resolving import NAMES_SECONDS, AddressRefused, CheckedResolver, May
from gateway.errors import ConnectionCut, DeadlinePassed, UnableToConnect, UnusableRequest, UpstreamFault
from gateway.exchanging import HttpExchange
from gateway.forwarding import joined, request_head
from gateway.lines import KEPT_SECONDS, Lines
from gateway.replies import Fault
from gateway.wire import DEADLINES, Deadlines, Request

if TYPE_CHECKING:
    from aiohttp.connector import Connection

CONNECTIONS_MAX: Final = 4_096
_IDEMPOTENT: Final = frozenset({"GET", "DELETE"})


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
        self._origins: dict[str, aiohttp.ClientRequest] = {}
        self._lines = Lines(self._connected)

    async def open(self, request: Request, credential: Credential, *, first_byte: float) -> HttpExchange:
        """Send and wait for the head of the answer. Redirects are not followed: a key goes where it was meant to go."""
        base_url, secret = credential.base_url, credential.api_key.reveal()
        joined(base_url, request.target)
        head = request_head(request, host=_host(base_url), secret=secret)
        try:
            return await self._asked(request, base_url, head, first_byte)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _fault(error) from None  # the cause may quote a header; `fault` says all that is needed

    async def _asked(self, request: Request, base_url: str, head: bytes, seconds: float) -> HttpExchange:
        try:
            return await self._once(request, base_url, head, seconds)
        except ConnectionCut:
            if request.method not in _IDEMPOTENT:
                raise
            return await self._once(request, base_url, head, seconds)  # the server had just closed an idle connection

    async def _once(self, request: Request, base_url: str, head: bytes, seconds: float) -> HttpExchange:
        exchange = (await self._lines.take(base_url)).begin()
        try:
            await exchange.ask(head, request.body, timeout=seconds)
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def _connected(self, base_url: str) -> "Connection":
        """Have a connection made. The deadline counts for names, too, and for the wait for a place."""
        try:
            async with asyncio.timeout(self._deadlines.connect):
                return await self._connector().connect(self._origin(base_url), [], self._client().timeout)
        except TimeoutError:
            raise UnableToConnect(Fault.CONNECT_TIMEOUT) from None

    async def close(self) -> None:
        """Close every connection."""
        self._lines.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def kept(self) -> int:
        """How many connections wait for their next request."""
        return len(self._lines)

    def _origin(self, base_url: str) -> aiohttp.ClientRequest:
        """Describe an upstream to the connector. There are as many as the allow-list has."""
        if base_url not in self._origins:
            loop = asyncio.get_running_loop()
            self._origins[base_url] = aiohttp.ClientRequest("GET", URL(base_url), loop=loop)
        return self._origins[base_url]

    def _connector(self) -> aiohttp.BaseConnector:
        connector = self._client().connector
        if connector is None:
            raise ConnectionCut(Fault.CUT)  # closed meanwhile
        return connector

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = _session(self._deadlines, CheckedResolver(self._names(), may=self._may))
        return self._session


@lru_cache(maxsize=128)
def _host(base_url: str) -> str:
    """The `host` header of an upstream's requests: its port only where it is not the scheme's own."""
    return str(URL(base_url).raw_authority)


def _session(deadlines: Deadlines, resolver: AbstractResolver) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=CONNECTIONS_MAX,
            keepalive_timeout=KEPT_SECONDS,
            resolver=resolver,
            ttl_dns_cache=NAMES_SECONDS,
        ),
        timeout=aiohttp.ClientTimeout(total=None, connect=deadlines.connect, sock_connect=deadlines.connect),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
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
