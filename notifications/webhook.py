"""A webhook of anybody's: JSON by POST, signed, so that the receiver can tell it from anybody else's.

`X-Nubabel-Signature` is `v1=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body, under the shared
secret. A receiver checks it, refuses an old `X-Nubabel-Timestamp` (seconds since 1970), and drops an
`X-Nubabel-Event` that it knows already.
"""

import hashlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import aiohttp

from notifications.errors import DeliveryError, DestinationRefused, MessageInvalid, RateLimited, Unavailable
from notifications.slack_replies import pause

TIMEOUT_S: Final = 8
MIN_SECRET: Final = 32
"""Characters; a shorter secret can be guessed."""
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_ABOUT_THIS_ONE: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)


def signature(secret: str, *, timestamp: int, body: bytes) -> str:
    """The value of `X-Nubabel-Signature`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={digest.hexdigest()}"


def headers(secret: str, *, event: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What goes with a body."""
    return {
        "Content-Type": "application/json",
        "X-Nubabel-Event": event,
        "X-Nubabel-Timestamp": str(timestamp),
        "X-Nubabel-Signature": signature(secret, timestamp=timestamp, body=body),
    }


async def post(url: str, *, body: bytes, said: Mapping[str, str]) -> None:
    """One try. Raises the DeliveryError that the answer, or its absence, means."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=said, allow_redirects=False) as answer,
        ):
            status, retry_after = answer.status, answer.headers.get("Retry-After")
    except TimeoutError:
        raise Unavailable("timeout") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Only the kind of trouble: aiohttp's own words can contain the URL.
        raise Unavailable(type(error).__name__) from None
    if trouble := verdict(status, retry_after=retry_after):
        raise trouble


def verdict(status: int, *, retry_after: str | None) -> DeliveryError | None:
    """None if it was taken, else the error to raise. Pure."""
    code = f"HTTP {status}"
    if status // 100 == 2:  # noqa: PLR2004 - any success
        return None
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(code, retry_after=pause(retry_after))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return Unavailable(code, retry_after=pause(retry_after) if retry_after else None)
    if status in _ABOUT_THIS_ONE:
        return MessageInvalid(code)
    return DestinationRefused(
        code, advice="check NOTIFY_WEBHOOK_URL and what answers there; redirects are not followed"
    )
