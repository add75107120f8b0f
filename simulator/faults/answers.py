"""Faults that answer with an error instead of serving: one row per outcome the real API is known for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from simulator.errors import ApiError, ScriptError
from simulator.reply import Reply
from simulator.scene import Scene
from simulator.times import next_month, rfc3339

Headers = Callable[[Scene], Mapping[str, str]]


def _no_headers(_scene: Scene) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Answer:
    """One row. `message` may name {model} and {until} (the first of the next month, unless `until` is given)."""

    status: int
    type: str
    message: str
    code: str | None = None
    headers: Headers = _no_headers
    until: str | None = None

    def __call__(self, scene: Scene) -> Reply:
        first = datetime.fromtimestamp(next_month(scene.now), UTC)
        until = self.until or f"{first:%Y-%m-%d} at {first:%H:%M} UTC"
        error = ApiError(
            self.message.format(model=scene.model, until=until), code=self.code, headers=self.headers(scene)
        )
        error.status, error.type = self.status, self.type
        return scene.error(error)


_THROTTLE = "This request would exceed the rate limit for your organization."

ROWS: dict[str, Answer] = {
    # 400
    "bad_request": Answer(400, "invalid_request_error", "messages: Input is not valid"),
    "spend_limit": Answer(
        400,
        "invalid_request_error",
        "You have reached your specified API usage limits. You will regain access on {until}.",
    ),
    "workspace_spend_limit": Answer(
        400,
        "invalid_request_error",
        "You have reached your specified workspace API usage limits. You will regain access on {until}.",
    ),
    "credit": Answer(
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. "
        "Please go to Plans & Billing to upgrade or purchase credits.",
    ),
    "organization_disabled": Answer(400, "invalid_request_error", "This organization has been disabled."),
    "on_hold": Answer(400, "invalid_request_error", "This organization is on hold.", "organization_on_hold"),
    # 401, 402, 403, 404
    "invalid_key": Answer(401, "authentication_error", "invalid x-api-key"),
    "billing": Answer(402, "billing_error", "There is a problem with this organization's billing."),
    "linked_billing": Answer(
        402,
        "billing_error",
        "The linked organization's billing is unavailable.",
        "linked_organization_billing_unavailable",
    ),
    "forbidden": Answer(403, "permission_error", "Your API key does not have permission to use the API."),
    "model_forbidden": Answer(
        403, "permission_error", "Your organization does not have permission to use model: {model}"
    ),
    "model_not_found": Answer(404, "not_found_error", "model: {model}"),
    "not_found": Answer(404, "not_found_error", "Not found"),
    # 408 to 422
    "timeout": Answer(408, "timeout_error", "Request timed out"),
    "conflict": Answer(409, "conflict_error", "The resource was changed by another request"),
    "too_large": Answer(413, "request_too_large", "Request exceeds the maximum size"),
    "unprocessable": Answer(422, "invalid_request_error", "The request could not be processed"),
    # 429 without a time
    "throttle_bare": Answer(429, "rate_limit_error", _THROTTLE),
    "long_context": Answer(429, "rate_limit_error", "Extra usage is required for long context requests."),
    "spend_cap": Answer(
        429,
        "rate_limit_error",
        "Your organization has reached its monthly spend limit. You will regain access on {until}.",
        "enforced_spend_limit_reached",
    ),
    "contract_spend_cap": Answer(
        429,
        "rate_limit_error",
        "Your organization has reached its contract's spend limit.",
        "contract_spend_limit_reached",
    ),
    # 5xx
    "internal": Answer(500, "api_error", "Internal server error"),
    "bad_gateway": Answer(502, "api_error", "Bad gateway"),
    "unavailable": Answer(503, "api_error", "Service unavailable"),
    "gateway_timeout": Answer(504, "timeout_error", "Gateway timeout"),
    "overloaded": Answer(529, "overloaded_error", "Overloaded"),
}


def row(name: str) -> Callable[..., Answer]:
    """Give the maker of a row; parameters: message, until, code, retry_after (seconds), should_retry, headers."""
    base = ROWS[name]

    def make(
        *,
        message: str | None = None,
        until: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        extra = dict(headers or {})
        if retry_after is not None:
            extra["retry-after"] = f"{retry_after:g}"
        if should_retry is not None:
            extra["x-should-retry"] = str(should_retry).lower()
        return replace(
            base,
            message=base.message if message is None else _literal(message),
            until=until,
            code=code or base.code,
            headers=lambda _scene: extra,
        )

    return make


def _literal(message: str) -> str:
    """Take a caller's message as it is, but still fill in {model} and {until}."""
    escaped = message.replace("{", "{{").replace("}", "}}")
    return escaped.replace("{{model}}", "{model}").replace("{{until}}", "{until}")


def throttle(*, retry_after: float = 30, dimension: str = "requests") -> Answer:
    """429 as the buckets give it: retry-after in seconds, and headers showing an empty dimension."""
    return Answer(
        429,
        "rate_limit_error",
        _THROTTLE,
        headers=lambda scene: {**_empty(scene, dimension, retry_after), "retry-after": f"{retry_after:g}"},
    )


def throttle_reset(*, seconds: float = 30, dimension: str = "requests") -> Answer:
    """429 without retry-after; only the reset header of an empty dimension says when."""
    return Answer(429, "rate_limit_error", _THROTTLE, headers=lambda scene: _empty(scene, dimension, seconds))


def throttle_ms(*, milliseconds: int = 1500) -> Answer:
    """429 with retry-after-ms only."""
    return Answer(429, "rate_limit_error", _THROTTLE, headers=lambda _scene: {"retry-after-ms": str(milliseconds)})


def ramp(*, retry_after: float = 30) -> Answer:
    """429 for growing too fast."""
    return Answer(
        429,
        "rate_limit_error",
        "Your organization's usage is growing too quickly. Please slow down.",
        "ramp_limit_exceeded",
        headers=lambda _scene: {"retry-after": f"{retry_after:g}"},
    )


DIMENSIONS = ("requests", "tokens", "input-tokens", "output-tokens")


def _empty(scene: Scene, dimension: str, seconds: float) -> Mapping[str, str]:
    if dimension not in DIMENSIONS:
        raise ScriptError(f"A rate limit's dimension is one of {', '.join(DIMENSIONS)}.")
    prefix = f"anthropic-ratelimit-{dimension}"
    emptied = {f"{prefix}-remaining": "0", f"{prefix}-reset": rfc3339(scene.now + seconds)}
    return {**scene.rate_headers(scene.model), **emptied}


def status(*, status: int, type: str = "api_error", message: str = "Simulated", code: str | None = None) -> Answer:  # noqa: A002
    """Any status in the usual envelope."""
    return Answer(status, type, _literal(message), code)


FAULTS: dict[str, Callable[..., Callable[[Scene], Reply]]] = {
    **{name: row(name) for name in ROWS},
    "throttle": throttle,
    "throttle_reset": throttle_reset,
    "throttle_ms": throttle_ms,
    "ramp": ramp,
    "status": status,
}
