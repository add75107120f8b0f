"""`/v1/*`: Anthropic's API, answered by the pool; a small ASGI application in front of Django's slow middleware.

Parse, find out who asks, one service call, render. Whatever goes wrong is said in Anthropic's envelope, so that an SDK
raises its proper class.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from accounts.authentication import authenticate
from accounts.errors import AccessRefused, AccessUndecided, KeysDiffer
from accounts.principals import Principal
from accounts.scopes import Scope
from gateway import access_log, departing
from gateway.arriving import (
    PATIENCE,
    CallerLeft,
    Head,
    Patience,
    Receive,
    arrived,
    base_url_of,
    head_of,
    read_body,
)
from gateway.body_memory import BodyMemory, Share
from gateway.errors import CallerRefused, UnknownPool
from gateway.lists import read_query
from gateway.offered import is_list, offered, whole_list
from gateway.paths import Action, Found, Kind, Route, route
from gateway.pings import EVERY_SECONDS, Pings
from gateway.pinned import Asked
from gateway.plain import named
from gateway.ports import Source
from gateway.preparing import Context, counts_tokens
from gateway.responses import Response
from gateway.restrictions import ELSEWHERE, models_asked
from gateway.serving import Service, refusal
from gateway.wire import Request
from gateway.wiring import machinery_of, service
from quota.metrics import tallies
from quota.metrics.catalogue import REFUSED

SOURCE: Final = "gateway"
_NO_BATCHES: Final = (
    "This access key has a limit of tokens or cost, to which batches cannot be held: what one costs is known when it "
    "has ended. Use a key without such a limit (it is charged all the same), or send the messages one by one."
)
_LOGIN: Final = "Present an access key of this pool as Authorization: Bearer or as x-api-key."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The application. What it works with is passed in; `application` below is the one that serves."""

    authenticate: Callable[[Mapping[str, str]], Awaitable[Principal | None]]
    machinery: Callable[[Principal], Source]
    service: Callable[[], Service]
    patience: Patience = PATIENCE
    ping_seconds: float = EVERY_SECONDS
    memory: BodyMemory = field(default_factory=BodyMemory)

    async def __call__(self, scope: Any, receive: Receive, send: departing.Send) -> None:  # noqa: ANN401 - ASGI
        share = self.memory.share()
        try:
            await self._answer(scope, receive, send, share)
        finally:
            share.give_back()

    async def _answer(self, scope: Any, receive: Receive, send: departing.Send, share: Share) -> None:  # noqa: ANN401
        try:
            answer = await self._admitted(scope, receive, share)
        except CallerLeft:
            return
        except CallerRefused as refused:
            tallies.add(REFUSED, str(refused.status))
            access_log.refused(scope, status=refused.status, why=refused.type)
            await departing.send_response(send, refusal(refused))
            return
        await departing.while_connected(self._served(*answer, send), receive=receive)

    async def _admitted(self, scope: Any, receive: Receive, share: Share) -> tuple[Asked, Principal]:  # noqa: ANN401
        """Let a request in: its address, its sender, its body. Nothing is leased before all three are right."""
        found = route(scope["method"], scope["path"])
        head, declared = head_of(scope)
        principal = await self._principal(head.named)
        _check_place(principal, scope)
        limit = found.route.body_max
        body = await read_body(receive, declared=declared, limit=limit, share=share, patience=self.patience)
        request = arrived(scope, head, body)
        _check_models(principal, found, request)
        _check_batch(principal, found.route)
        return Asked(request, found, _context(head, principal), base_url_of(scope, head)), principal

    async def _principal(self, headers: Mapping[str, str]) -> Principal:
        try:
            principal = await self.authenticate(headers)
        except KeysDiffer as differ:
            raise _stranger(str(differ)) from None
        except AccessRefused:
            raise _stranger(f"The access key is not valid. {_LOGIN}") from None
        except (AccessUndecided, TimeoutError):
            raise _unavailable("Who asks cannot be found out at the moment.") from None
        if principal is None:
            raise _stranger(_LOGIN)
        if not principal.may(Scope.MESSAGES):
            raise CallerRefused(403, "permission_error", f"This access key lacks the scope {Scope.MESSAGES}.")
        return principal

    async def _served(self, asked: Asked, principal: Principal, send: departing.Send) -> None:
        pings = Pings(send, every=self.ping_seconds)
        try:
            await pings.answer(await self._response(asked, principal, pings))
        finally:
            await pings.stop()

    async def _response(self, asked: Asked, principal: Principal, pings: Pings) -> Response:
        try:
            if principal.models and is_list(asked.found):
                return await self._offered(asked, principal)
            return await self.service().answer(asked, self.machinery(principal), on_run=pings.watch)
        except CallerRefused as refused:
            return refusal(refused)
        except UnknownPool:
            return refusal(_unavailable(UnknownPool.told))
        except Exception:
            logger.exception("a request could not be served", extra={"action": "gateway"})
            return refusal(_unavailable("The pool cannot be reached at the moment."))

    async def _offered(self, asked: Asked, principal: Principal) -> Response:
        """The models that a restricted key may use."""
        wanted = read_query(asked.request.target).wanted
        whole = replace(asked, request=whole_list(asked.request))
        response = await self.service().answer(whole, self.machinery(principal))
        return offered(response, may_use=principal.may_use, wanted=wanted)


def _check_place(principal: Principal, scope: Mapping[str, Any]) -> None:
    if not principal.may_come_from((scope.get("client") or ("",))[0]):
        raise CallerRefused(403, "permission_error", ELSEWHERE)


def _check_models(principal: Principal, found: Found, request: Request) -> None:
    if not principal.models:
        return
    for model in models_asked(found, request.body):
        if not principal.may_use(model):
            raise CallerRefused(403, "permission_error", f"This access key may not use the model {named(model)}.")


def _check_batch(principal: Principal, found: Route) -> None:
    """What a batch costs is known when it has ended, a day later perhaps: no limit could hold it."""
    makes_one = found.kind is Kind.BATCH and found.action is Action.CREATE
    if makes_one and principal.client is not None and counts_tokens(principal.client):
        raise CallerRefused(403, "permission_error", _NO_BATCHES)


def _context(head: Head, principal: Principal) -> Context:
    return Context(
        principal=principal.id,
        session=head.session,
        source=SOURCE,
        client=principal.client,
        caller=principal.name,
        agent=head.agent,
        parent_agent=head.parent_agent,
    )


def _stranger(message: str) -> CallerRefused:
    return CallerRefused(401, "authentication_error", message, headers=(("x-should-retry", "false"),))


def _unavailable(message: str) -> CallerRefused:
    return CallerRefused(503, "api_error", message, headers=(("retry-after", "1"),))


def _machinery(principal: Principal) -> Source:
    return machinery_of(principal.pool_id or "")


application: Final = Gateway(authenticate=authenticate, machinery=_machinery, service=service)


async def hello(_scope: Any, _receive: Receive, send: departing.Send) -> None:  # noqa: ANN401 - ASGI
    """`HEAD /api/hello`: Claude Code asks whether anybody is there. Needs no key and tells nothing."""
    await departing.send_head(send, 200, (("content-length", "0"),))
    await send({"type": "http.response.body", "body": b""})
