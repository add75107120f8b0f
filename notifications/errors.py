"""What can go wrong when telling people.

NotificationError
├── LiveRefused                nobody listens in this way: status, code, message
└── SlackError                 code, permanent, retry_after
    ├── SlackNotConfigured     nowhere to send: permanent until the settings change
    ├── SlackRefused           Slack will never take anything here: the destination is switched off
    ├── SlackMessageInvalid    Slack will never take this message; the next may be fine
    ├── SlackRateLimited       too fast: come back after `retry_after` seconds
    └── SlackUnavailable       no answer, or Slack's own trouble: worth another try

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


class SlackError(NotificationError):
    """A message did not reach Slack. `code` is Slack's own word, `advice` what a person can do about it."""

    permanent: ClassVar[bool] = False

    def __init__(self, code: str, *, advice: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {advice}" if advice else code)
        self.code = code
        self.advice = advice
        self.retry_after = retry_after


class SlackNotConfigured(SlackError):
    """No bot token with a channel and no webhook for this kind of message."""

    permanent = True


class SlackRefused(SlackError):
    """Token, channel or webhook is dead; nothing more is sent there until a restart."""

    permanent = True


class SlackMessageInvalid(SlackError):
    """Slack found fault with this one message; it is dropped."""

    permanent = True


class SlackRateLimited(SlackError):
    """HTTP 429; `retry_after` is in seconds."""


class SlackUnavailable(SlackError):
    """A timeout, a broken connection or a 5xx."""
