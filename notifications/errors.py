"""What can go wrong when telling people.

NotificationError
├── LiveRefused              nobody listens in this way: status, code, message
└── DeliveryError            code, advice, permanent, retry_after
    ├── NotConfigured        nowhere to send: permanent until the settings change
    ├── DestinationRefused   nothing will ever be taken there: the destination is switched off
    ├── MessageInvalid       this message will never be taken; the next may be fine
    ├── RateLimited          too fast: come back after `retry_after` seconds
    └── Unavailable          no answer, or the other side's own trouble: worth another try

No message names a URL or a token; both are secrets.
"""

from typing import ClassVar


class NotificationError(Exception):
    """Something could not be told."""


class LiveRefused(NotificationError):
    """A listener is turned away: an HTTP `status`, a `code` for programs, a message that says what to do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class DeliveryError(NotificationError):
    """A message did not arrive. `code` is the other side's own word, `advice` what a person can do about it."""

    permanent: ClassVar[bool] = False

    def __init__(self, code: str, *, advice: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {advice}" if advice else code)
        self.code = code
        self.advice = advice
        self.retry_after = retry_after


class NotConfigured(DeliveryError):
    """No bot token with a channel and no webhook for this kind of message."""

    permanent = True


class DestinationRefused(DeliveryError):
    """Token, channel or webhook is dead; nothing more is sent there until somebody mends it."""

    permanent = True


class MessageInvalid(DeliveryError):
    """The other side found fault with this one message; it is dropped."""

    permanent = True


class RateLimited(DeliveryError):
    """HTTP 429; `retry_after` is in seconds."""


class Unavailable(DeliveryError):
    """A timeout, a broken connection or a 5xx."""
