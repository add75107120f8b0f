"""What came back from one upstream call, as values. Pure; no header or body is trusted here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

ERROR_BODY_MAX: Final = 64 * 1024
"""Bytes of an error body that are read and judged."""


class Fault(StrEnum):
    """Why there is no (whole) answer."""

    CONNECT = "connect failed"
    CONNECT_TIMEOUT = "connect timeout"
    FIRST_BYTE_TIMEOUT = "first byte timeout"
    GAP_TIMEOUT = "silence timeout"
    TOTAL_TIMEOUT = "total timeout"
    CUT = "connection cut"
    MALFORMED = "malformed answer"
    ENCODED = "unexpected encoding"
    ADDRESS_REFUSED = "upstream's address not allowed"
    ORIGIN_REFUSED = "upstream not allowed here"
    KEY_UNREADABLE = "key cannot be decrypted here"
    ACCOUNT_GONE = "account is gone"
    CALLER_LEFT = "caller left"
    OURS = "own fault"

    @property
    def sent(self) -> bool:
        """Whether the request may have reached Anthropic."""
        return self not in _NEVER_SENT


_NEVER_SENT: Final = frozenset(
    {
        Fault.CONNECT,
        Fault.CONNECT_TIMEOUT,
        Fault.ADDRESS_REFUSED,
        Fault.ORIGIN_REFUSED,
        Fault.KEY_UNREADABLE,
        Fault.ACCOUNT_GONE,
        Fault.OURS,
    }
)

STATUS_OF_TYPE: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status an error of this type has when it comes as an answer; error events inside a stream carry none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Facts of one upstream call. Header names are lower case.

    `status` is None when no answer came at all. `body` is the whole answer's error body (at most `ERROR_BODY_MAX`
    bytes) or, for `in_stream`, the data of the error event inside a stream that began as 200.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    fault: Fault | None = None
    in_stream: bool = False
    content_seen: bool = False
    """Content has reached the caller: too late for another account."""
    model: str = ""
    group: str = ""
    origin: str = ""
    """Where the request could not be sent to, for `Fault.ORIGIN_REFUSED`."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """Anthropic's error envelope, read with suspicion; all empty if the body is none."""

    type: str = ""
    code: str = ""
    message: str = field(default="", repr=False)

    @property
    def known(self) -> bool:
        """Whether the body was an error envelope at all."""
        return bool(self.type)


def read_error(body: bytes) -> ApiError:
    """Read an error body; anything that is no envelope gives an empty `ApiError`."""
    try:
        document = json.loads(body[:ERROR_BODY_MAX])
    except (ValueError, RecursionError):
        return ApiError()
    error = _mapping(_mapping(document).get("error"))
    code = _text(_mapping(error.get("details")).get("error_code"))
    return ApiError(type=_text(error.get("type")), code=code, message=_text(error.get("message")))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
