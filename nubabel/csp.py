"""One exception to the Content-Security-Policy: the admin skin's Alpine evaluates expressions."""

from collections.abc import Awaitable, Callable
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from csp.constants import UNSAFE_EVAL
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_ADMIN: Final = "/admin/"


class AdminScripts:
    """Middleware, sync and async alike; stands below the CSP middleware, which reads what it leaves here."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        response = self.get_response(request)
        if isinstance(response, HttpResponseBase):
            return _relaxed(request, response)
        return self._later(request, response)

    async def _later(self, request: HttpRequest, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _relaxed(request, await response)


def _relaxed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if request.path.startswith(_ADMIN) and not hasattr(response, "_csp_update"):
        response._csp_update = {"script-src": [UNSAFE_EVAL]}  # type: ignore[attr-defined]  # noqa: SLF001 - its hook
    return response
