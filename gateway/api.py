"""The orchestrator over HTTP: parse, authenticate, one service call, render. Every error has one shape:

{"error": {"code": "…", "message": "…", "details": {…}}}
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import authenticate_request
from accounts.errors import AccessRefused, AccessUndecided
from accounts.principals import Principal
from accounts.scopes import Scope
from gateway.errors import CallFailed, InvalidCall, UnknownPool
from gateway.orchestrator import Orchestrator, Told
from gateway.orders import Order, read_order
from gateway.restrictions import ELSEWHERE
from gateway.wiring import DEFAULT_MODEL, orchestrator_for

UNAVAILABLE_RETRY: Final = {"Retry-After": "1"}


@csrf_exempt  # authenticate_request checks the token itself where a session is what lets the caller in
async def execute(request: HttpRequest) -> HttpResponseBase:
    """`POST /api/orchestrator/execute`: one message through the pool."""
    if request.method != "POST":
        return _error(405, "method_not_allowed", "Use POST.", headers={"Allow": "POST"})
    try:
        principal = await _allowed(request)
        order = _order(request, principal)
        return await _serve(orchestrator_for(principal), order)
    except _Refused as refused:
        return refused.response
    except InvalidCall as invalid:
        return _error(400, invalid.code, invalid.message, details=invalid.details)
    except UnknownPool:
        return _error(503, UnknownPool.code, UnknownPool.told)
    except CallFailed as failed:
        return _failed(failed)


class _Refused(Exception):
    def __init__(self, response: HttpResponse) -> None:
        self.response = response


async def _allowed(request: HttpRequest) -> Principal:
    try:
        principal = await authenticate_request(request)
    except AccessRefused as refused:
        raise _Refused(_unauthenticated(str(refused))) from None
    except (AccessUndecided, TimeoutError):
        raise _Refused(
            _error(503, "unavailable", "Who asks cannot be found out at the moment.", headers=UNAVAILABLE_RETRY)
        ) from None
    if principal is None:
        raise _Refused(_unauthenticated("Present an access key or sign in."))
    if not principal.may_come_from(request.META.get("REMOTE_ADDR", "")):
        raise _Refused(_error(403, "forbidden", ELSEWHERE))
    if not principal.may(Scope.MESSAGES):
        raise _Refused(_error(403, "forbidden", f"This needs the scope {Scope.MESSAGES}."))
    return principal


def _order(request: HttpRequest, principal: Principal) -> Order:
    if request.content_type != "application/json":
        raise _Refused(_error(415, "unsupported_media_type", "Send application/json."))
    try:
        order = read_order(request.body)
    except RequestDataTooBig:
        raise _Refused(_error(413, "too_large", "The body is too large.")) from None
    model = order.model or DEFAULT_MODEL
    if not principal.may_use(model):
        raise _Refused(_error(403, "forbidden", f"This access key may not use the model {model}."))
    return order


async def _serve(orchestrator: Orchestrator, order: Order) -> HttpResponseBase:
    if not order.stream:
        return JsonResponse((await orchestrator.execute(order)).as_json())
    return StreamingHttpResponse(
        _events(orchestrator.stream(order)),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _events(told: AsyncGenerator[Told]) -> AsyncIterator[bytes]:
    async with aclosing(told) as events:
        async for event in events:
            yield _frame(event)


def _frame(told: Told) -> bytes:
    if told.name == "heartbeat":
        return b": heartbeat\n\n"
    return f"event: {told.name}\ndata: {json.dumps(told.data)}\n\n".encode()


def _failed(failed: CallFailed) -> HttpResponse:
    headers = {} if failed.retry_after is None else {"Retry-After": str(failed.retry_after)}
    if failed.should_retry is not None:
        headers["X-Should-Retry"] = str(failed.should_retry).lower()
    return JsonResponse({"error": failed.as_json()}, status=failed.status, headers=headers)


def _unauthenticated(message: str) -> HttpResponse:
    return _error(401, "unauthenticated", message, headers={"WWW-Authenticate": "Bearer"})


def _error(
    status: int,
    code: str,
    message: str,
    *,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    body = {"error": {"code": code, "message": message, "details": dict(details or {})}}
    return JsonResponse(body, status=status, headers=dict(headers or {}))
