"""`/metrics`, for monitoring systems; a tiny ASGI application that Django's middleware does not slow down.

It is open to METRICS_TOKEN and to access keys with the scope admin-read, presented as `Authorization: Bearer`.
"""

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings

PATH: Final = "/metrics"
_METHODS: Final = frozenset({"GET", "HEAD"})
_TEXT: Final = "text/plain; charset=utf-8"
_TOLD: Final = {
    HTTPStatus.UNAUTHORIZED: b"Present METRICS_TOKEN, or an access key with the scope admin-read, as a bearer token.\n",
    HTTPStatus.FORBIDDEN: b"This access key lacks the scope admin-read, or may not be used from this address.\n",
    HTTPStatus.SERVICE_UNAVAILABLE: b"Who asks cannot be found out at the moment.\n",
}


def answers(scope: Any) -> bool:  # noqa: ANN401 - ASGI
    """Whether this face serves the request."""
    return scope["path"] == PATH and scope["method"] in _METHODS


async def application(scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Answer with all metrics, or say why not."""
    status = await _admitted(scope)
    if status is not HTTPStatus.OK:
        await _send(send, status, _TOLD[status], _TEXT)
        return
    from quota.metrics.exposition import CONTENT_TYPE, text_of  # these want Django's apps ready
    from quota.wiring import get_gatherer

    body = text_of(await get_gatherer().gather())
    await _send(send, status, b"" if scope["method"] == "HEAD" else body, CONTENT_TYPE)


async def _admitted(scope: Any) -> HTTPStatus:  # noqa: ANN401
    from accounts.errors import AccessRefused, AccessUndecided

    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if _is_token(headers):
        return HTTPStatus.OK
    try:
        return await _by_access_key(headers, address=(scope.get("client") or ("",))[0])
    except AccessRefused:
        return HTTPStatus.UNAUTHORIZED
    except (AccessUndecided, TimeoutError):
        return HTTPStatus.SERVICE_UNAVAILABLE


def _is_token(headers: Mapping[str, str]) -> bool:
    wanted = str(settings.METRICS_TOKEN)
    presented = headers.get("authorization", "")
    return bool(wanted) and hmac.compare_digest(presented.encode("latin-1"), f"Bearer {wanted}".encode("latin-1"))


async def _by_access_key(headers: Mapping[str, str], *, address: str) -> HTTPStatus:
    from accounts.authentication import authenticate
    from accounts.scopes import Scope

    principal = await authenticate(headers)
    if principal is None:
        return HTTPStatus.UNAUTHORIZED
    allowed = principal.may(Scope.ADMIN_READ) and principal.may_come_from(address)
    return HTTPStatus.OK if allowed else HTTPStatus.FORBIDDEN


async def _send(send: Any, status: HTTPStatus, body: bytes, kind: str) -> None:  # noqa: ANN401
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *([(b"www-authenticate", b"Bearer")] if status is HTTPStatus.UNAUTHORIZED else []),
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
