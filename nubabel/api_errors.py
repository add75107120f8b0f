"""Every error of the REST API in its one shape: {"error": {"code": "…", "message": "…", "details": {…}}}.

What nobody foresaw is not answered here: it is logged and becomes a 500 of the same shape (`nubabel.pages`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.db import OperationalError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from accounts import errors as accounts
from quota.engine.errors import EngineError
from quota.errors import NoAdminKey

_CODES: Final = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    412: "precondition_failed",
    415: "unsupported_media_type",
    428: "precondition_required",
    429: "throttled",
    503: "unavailable",
}
_RETRY: Final = {"Retry-After": "1"}


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's hook. None: nobody foresaw this."""
    if isinstance(error, exceptions.ValidationError):
        return _invalid(dict(_flattened(error.detail)))
    if isinstance(error, ValidationError):
        return _invalid(_fields(error))
    return _ours(error, context) or _framework(error, context)


def shaped(
    status: int,
    message: str,
    *,
    code: str = "",
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error answer."""
    body = {"code": code or _CODES.get(status, "error"), "message": message, "details": dict(details or {})}
    return Response({"error": body}, status=status, headers=dict(headers or {}))


def _ours(error: Exception, context: Mapping[str, Any]) -> Response | None:
    if isinstance(error, accounts.EditConflict):
        status = 412 if "If-Match" in context["request"].headers else 409
        return shaped(status, str(error), code="edit_conflict", details={"version": error.current})
    return next((told(error) for kind, told in _OURS if isinstance(error, kind)), None)


_Telling = tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Exception], Response]]
_OURS: Final[tuple[_Telling, ...]] = (
    (accounts.DuplicateKey, lambda error: shaped(409, str(error), code="duplicate_key")),
    (accounts.KeyRefused, lambda error: _invalid({"api_key": str(error)})),
    (accounts.ScopesRefused, lambda error: _invalid({"scopes": str(error)})),
    (accounts.GrantRefused, lambda error: shaped(403, str(error))),
    (accounts.DeletionRefused, lambda error: shaped(409, str(error), code="deletion_refused")),
    (NoAdminKey, lambda error: shaped(409, str(error), code="no_admin_key")),
    (ObjectDoesNotExist, lambda _: shaped(404, "It is gone: somebody deleted it meanwhile.")),
    (EngineError, lambda _: shaped(503, "The pool's counters (Redis) do not answer; try again.", headers=_RETRY)),
    (
        (OperationalError, TimeoutError),
        lambda _: shaped(503, "The database is busy or away; try again.", headers=_RETRY),
    ),
)
"""The first that fits counts: the narrower before the wider."""


def _framework(error: Exception, context: Mapping[str, Any]) -> Response | None:
    told = exception_handler(error, dict(context))
    if told is None:
        return None
    message = str(told.data.get("detail", "")) if isinstance(told.data, Mapping) else ""
    details = {"retry_after": int(told["Retry-After"])} if "Retry-After" in told else {}
    code = "invalid_json" if isinstance(error, exceptions.ParseError) else ""
    return shaped(told.status_code, message, code=code, details=details, headers=dict(told.headers))


def _invalid(details: Mapping[str, str]) -> Response:
    field, wrong = next(iter(details.items()), ("", "The request makes no sense."))
    return shaped(400, wrong if field in {"", "request"} else f"{field}: {wrong}", details=details)


def _flattened(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - nested lists and dicts
    if isinstance(detail, Mapping):
        for name, part in detail.items():
            own = path or "request" if name == api_settings.NON_FIELD_ERRORS_KEY else f"{path}.{name}".lstrip(".")
            yield from _flattened(part, own)
    elif isinstance(detail, list) and any(isinstance(part, Mapping) for part in detail):
        for place, part in enumerate(detail):
            yield from _flattened(part, f"{path}.{place}".lstrip("."))
    else:
        yield path or "request", " ".join(str(part) for part in detail) if isinstance(detail, list) else str(detail)


def _fields(error: ValidationError) -> dict[str, str]:
    if not hasattr(error, "error_dict"):
        return {"request": " ".join(error.messages)}
    named = {field: " ".join(said) for field, said in error.message_dict.items()}
    return {("request" if field == NON_FIELD_ERRORS else _public(field)): said for field, said in named.items()}


def _public(column: str) -> str:
    """A limit's column as the API writes it: `limits.cost.day`."""
    return column.replace("_", ".").replace("limit.", "limits.", 1) if column.startswith("limit_") else column
