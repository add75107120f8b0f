"""Builds that are broken on purpose: the campaign is worth something if each of them fails it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from msgspec import structs

from accounts.directory import Credential
from gateway.ports import Ports
from gateway.wire import Exchange, Request, Upstream
from quota.engine.api import Engine
from quota.engine.types import NEVER, Lease, LeaseRequest, Refusal, Settled, Settlement

Application = Callable[[Any, Any, Any], Awaitable[None]]
_STOP: Final = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'


def _ports_as_they_are(ports: Ports) -> Ports:
    return ports


def _as_it_is(application: Application) -> Application:
    return application


@dataclass(frozen=True, slots=True)
class Break:
    """What is put in the place of good parts."""

    says: str
    ports: Callable[[Ports], Ports] = _ports_as_they_are
    around: Callable[[Application], Application] = _as_it_is


class _Engine:
    """An engine that does as the one behind it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


class _NeverSettles(_Engine):
    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        return Settled(changed=False)


class _NeverFailsOver(_Engine):
    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        if request.tried:
            return Refusal(request.pool, now_ms=0, retry_at_ms=NEVER, blocks=())
        return await self._engine.lease(request)


class _TellsTwice(_Engine):
    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        return await self._engine.settle(pool, lease_id, structs.replace(settlement, events=settlement.events * 2))


class _ChargesNothing(_Engine):
    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        return await self._engine.settle(pool, lease_id, structs.replace(settlement, tokens=0))


class _Disguised:
    """An answer whose status is another."""

    def __init__(self, exchange: Exchange, status: int) -> None:
        self._exchange = exchange
        self.status = status
        self.headers = exchange.headers

    async def read(self, *, timeout: float) -> bytes:  # noqa: ASYNC109 - the protocol's
        return await self._exchange.read(timeout=timeout)

    def close(self) -> None:
        self._exchange.close()


class _TakesCallersMistakesForItsOwn:
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def open(self, request: Request, credential: Credential, *, first_byte: float) -> Exchange:
        exchange = await self._upstream.open(request, credential, first_byte=first_byte)
        return _Disguised(exchange, 500) if exchange.status in {400, 413, 418, 422} else exchange


def _engine(made: Callable[[Engine], _Engine]) -> Callable[[Ports], Ports]:
    return lambda ports: replace(ports, engine=cast("Engine", made(ports.engine)))


def _upstream(made: Callable[[Upstream], Upstream]) -> Callable[[Ports], Ports]:
    return lambda ports: replace(ports, upstream=made(ports.upstream))


def _ending_with(last: bytes) -> Callable[[Application], Application]:
    """Put something else in the place of the error event of a stream that broke."""

    def around(application: Application) -> Application:
        async def broken(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: Any) -> None:
                head, found, _ = message.get("body", b"").partition(b"event: error")
                await send({**message, "body": head + last} if found else message)

            await application(scope, receive, sent)

        return broken

    return around


NOTHING: Final = Break("nothing is broken")
BREAKS: Final[Mapping[str, Break]] = {
    "never-settles": Break("leases are never settled", ports=_engine(_NeverSettles)),
    "never-fails-over": Break("no second account is asked", ports=_engine(_NeverFailsOver)),
    "retries-mistakes": Break("the caller's 400 goes on", ports=_upstream(_TakesCallersMistakesForItsOwn)),
    "tells-twice": Break("an activity ends twice", ports=_engine(_TellsTwice)),
    "charges-nothing": Break("limits see no tokens", ports=_engine(_ChargesNothing)),
    "swallows-errors": Break("a broken stream just ends", around=_ending_with(b"")),
    "fakes-the-end": Break("a broken stream ends as if whole", around=_ending_with(_STOP)),
}
