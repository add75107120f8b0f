"""Says who acts for as long as a request lasts, so that what it changes is written down in their name."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.actors import Actor, Via, acting

_ADMIN: Final = "/admin/"


class SaysWhoActs:
    """Middleware, sync and async alike. Whoever it is, is asked when something is changed: by then it is known."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._later(request)
        with acting(lambda: _actor(request)):
            return self.get_response(request)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        with acting(lambda: _actor(request)):
            response: Any = self.get_response(request)
            answer: HttpResponseBase = await response
            return answer


def _actor(request: HttpRequest) -> Actor:
    via = Via.ADMIN if request.path.startswith(_ADMIN) else Via.API
    who: Any = getattr(request, "user", None)
    name = getattr(who, "get_username", lambda: "")() or str(getattr(who, "name", "") or "")
    return Actor(name, via)
