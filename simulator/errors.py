"""Everything that can go wrong inside the simulator.

SimulatorError
├── ApiError                an answer in Anthropic's envelope
│   ├── InvalidRequest      400 invalid_request_error
│   ├── Unauthenticated     401 authentication_error
│   ├── Forbidden           403 permission_error
│   ├── NotFound            404 not_found_error
│   ├── Conflict            409 conflict_error
│   ├── TooLarge            413 request_too_large
│   └── RateLimited         429 rate_limit_error
├── SlackRefusal            the Slack double does not take a message
└── ScriptError             a control request or fault script that makes no sense
"""

import json
from collections.abc import Mapping


class SimulatorError(Exception):
    """Base of the tree above."""


class ScriptError(SimulatorError):
    """The script or control request cannot be understood; the message says what to write instead."""


class SlackRefusal(SimulatorError):
    """Carries Slack's name for the reason and, for a throttle, the seconds to wait."""

    def __init__(self, error: str, *, retry_after: int = 1) -> None:
        super().__init__(error)
        self.error = error
        self.retry_after = retry_after


class ApiError(SimulatorError):
    """An error answer. `code` becomes `error.details.error_code`; `headers` are added to the response."""

    status = 500
    type = "api_error"

    def __init__(self, message: str, *, code: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.headers = dict(headers or {})


class InvalidRequest(ApiError):
    """The caller's mistake."""

    status = 400
    type = "invalid_request_error"


class Unauthenticated(ApiError):
    """No credential, or one nobody knows."""

    status = 401
    type = "authentication_error"


class Forbidden(ApiError):
    """A known credential that may not do this."""

    status = 403
    type = "permission_error"


class NotFound(ApiError):
    """Nothing of that name in this workspace."""

    status = 404
    type = "not_found_error"


class Conflict(ApiError):
    """The thing is in a state that forbids this."""

    status = 409
    type = "conflict_error"


class TooLarge(ApiError):
    """The body exceeds the route's limit."""

    status = 413
    type = "request_too_large"


class RateLimited(ApiError):
    """A bucket is empty or a spend cap is reached."""

    status = 429
    type = "rate_limit_error"


def envelope(*, type: str, message: str, request_id: str | None, code: str | None = None) -> dict[str, object]:  # noqa: A002
    """Build Anthropic's error body. Mid-stream error events carry no request id."""
    error: dict[str, object] = {"type": type, "message": message}
    if code is not None:
        error["details"] = {"error_code": code}
    body: dict[str, object] = {"type": "error", "error": error}
    if request_id is not None:
        body["request_id"] = request_id
    return body


def envelope_bytes(*, type: str, message: str, request_id: str | None, code: str | None = None) -> bytes:  # noqa: A002
    """Build the same as JSON."""
    return json.dumps(envelope(type=type, message=message, request_id=request_id, code=code)).encode()
