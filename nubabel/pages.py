"""What is answered when nothing else answers: a page for browsers, JSON in the API's one shape for programs."""

from typing import Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

_PROGRAMS: Final = "/api/"
_SAID: Final = {
    400: ("bad_request", "This request makes no sense."),
    403: ("forbidden", "You may not do this."),
    404: ("not_found", "There is nothing at this address."),
    500: ("internal_error", "Something went wrong here; the logs say what."),
}
_WRONG_HOST: Final = (
    "host_not_allowed",
    "This server does not answer to the name by which you reached it. Whoever runs it adds that name to ALLOWED_HOSTS.",
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400, said=_WRONG_HOST if isinstance(exception, DisallowedHost) else None)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return _answer(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500)


def _answer(request: HttpRequest, status: int, *, said: tuple[str, str] | None = None) -> HttpResponse:
    """Never looks anything up: what failed may be the database."""
    code, message = said or _SAID[status]
    if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(_PROGRAMS):
        page = render_to_string("error.html", {"status": status, "message": message})  # no request: no session, no user
        return HttpResponse(page, status=status)
    return JsonResponse({"error": {"code": code, "message": message, "details": {}}}, status=status)
