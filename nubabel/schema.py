"""How the REST API describes itself: besides what a view says, every error that its kind of request can meet."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

_ALWAYS: Final = (401, 403, 405, 406, 429, 503)
_WRITES: Final = frozenset({"POST", "PUT", "PATCH"})
_MEANINGS: Final = {
    400: "The request makes no sense; `details` names each field.",
    401: "No access key and no session, or one that is not valid.",
    403: "The access key or role may not do this, or the session's CSRF token is missing.",
    404: "There is no such thing, or not for this access key.",
    405: "Another method.",
    406: "Only JSON is to be had.",
    409: "The present state does not allow it: a stale `version`, a repeated key, something still in use.",
    412: "If-Match names another version than the present one.",
    415: "Send application/json.",
    428: "Say which version you have seen (If-Match or `version`).",
    429: "Too many requests; Retry-After says when.",
    503: "Redis or the database does not answer; Retry-After says when.",
}


class ErrorFacts(serializers.Serializer[Any]):
    """What went wrong."""

    code = serializers.CharField(help_text="For programs.")
    message = serializers.CharField(help_text="For people.")
    details = serializers.DictField(help_text="What there is to add: fields and what is wrong with them, times.")


class Error(serializers.Serializer[Any]):
    """Every error has this shape."""

    error = ErrorFacts()


class Described(AutoSchema):
    """Adds the errors."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        said: dict[str, Any] = super()._get_response_bodies(direction)
        describe: Any = self._get_response_for_code
        for status, meant in _errors(self.method, self.path).items():
            said.setdefault(str(status), describe(meant, str(status)))
        return dict(sorted(said.items()))

    def get_tags(self) -> list[str]:
        """Operations are grouped by what they are about: accounts, pools, …"""
        parts = [part for part in self.path.split("/") if part not in {"", "api", "admin"}]
        return parts[:1]


def _errors(method: str, path: str) -> Mapping[int, OpenApiResponse]:
    statuses = {400, *_ALWAYS}
    if "{" in path or method == "GET":
        statuses.add(404)
    if method in _WRITES:
        statuses |= {404, 409, 415}
    if method in {"PUT", "PATCH"}:
        statuses |= {412, 428}
    if method == "DELETE":
        statuses |= {409, 412}
    return {status: OpenApiResponse(Error, description=_MEANINGS[status]) for status in sorted(statuses)}


class AccessKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """An access key, as a bearer token (or as x-api-key)."""

    target_class = "accounts.authentication.AccessKeyAuthentication"
    name = "accessKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002 - spectacular's
        return {"type": "http", "scheme": "bearer", "description": "An access key with the scope admin-read or -write."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """A staff member who is signed in."""

    target_class = "accounts.authentication.StaffSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002 - spectacular's
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Changes need the CSRF token."}


def strict_requests(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Hook of spectacular's: bodies have the fields that are listed and no others."""
    for name, schema in result.get("components", {}).get("schemas", {}).items():
        if name.endswith("Request") and schema.get("type") == "object":
            schema["additionalProperties"] = False
    return result
