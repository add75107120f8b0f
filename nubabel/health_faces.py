"""The two faces of health: Django views, and a tiny ASGI application that needs neither Host header nor middleware.

Platforms probe by address (no allowed host), over plain http, and just when something in Django is broken.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any, Final

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nubabel import health

PREFIX: Final = "/health/"
_SAFE: Final = frozenset({"GET", "HEAD"})

View = Callable[[HttpRequest], Coroutine[Any, Any, JsonResponse]]


def urlpatterns() -> list[URLPattern]:
    return [path(name, _view(checks), name=f"health-{name}") for name, checks in health.CHECKS.items()]


def answers(scope: HTTPScope) -> bool:
    """Whether this ASGI face serves the request; everything else under /health/ is Django's 404 or 405."""
    return _name(scope) in health.CHECKS and scope["method"] in _SAFE


async def application(scope: HTTPScope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    report = await health.report(health.CHECKS[_name(scope)])
    body = json.dumps(report.body()).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": report.http_status, "headers": headers, "trailers": False})
    shown = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": shown, "more_body": False})


def _name(scope: HTTPScope) -> str:
    return scope["path"].removeprefix(PREFIX) if scope["path"].startswith(PREFIX) else ""


def _view(checks: tuple[health.Check, ...]) -> View:
    async def view(_request: HttpRequest) -> JsonResponse:
        report = await health.report(checks)
        return JsonResponse(report.body(), status=report.http_status)

    decorated: View = never_cache(require_safe(view))
    return decorated
