"""What is answered when nothing else answers: a page for browsers, JSON in the API's one shape for programs."""

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

_PROGRAMS: Final = "/api/"
_SAID: Final = {
    400: ("bad_request", "This request makes no sense."),
    403: ("forbidden", "You may not do this."),
    404: ("not_found", "There is nothing at this address."),
    500: ("internal_error", "Something went wrong here; the logs say what."),
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return _answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return _answer(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500)


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    """Never looks anything up: what failed may be the database."""
    code, message = _SAID[status]
    if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(_PROGRAMS):
        page = render_to_string("error.html", {"status": status, "message": message})  # no request: no session, no user
        return HttpResponse(page, status=status)
    return JsonResponse({"error": {"code": code, "message": message, "details": {}}}, status=status)
