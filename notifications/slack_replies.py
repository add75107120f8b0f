"""What Slack's answers mean. Pure; one table for webhooks (plain text bodies) and the Web API (`error` words)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from notifications.errors import DeliveryError, DestinationRefused, MessageInvalid, RateLimited, Unavailable

DEFAULT_RETRY_AFTER: Final = 30.0
LONGEST_RETRY_AFTER: Final = 600.0
_WORD_LIMIT: Final = 60

_REFUSED: Final[Mapping[str, str]] = {
    "invalid_auth": "SLACK_BOT_TOKEN is not valid: copy the bot token (xoxb-…) of the app again",
    "not_authed": "SLACK_BOT_TOKEN is empty: set it, or use a webhook",
    "token_revoked": "SLACK_BOT_TOKEN was revoked: install the app again and copy its new bot token",
    "token_expired": "SLACK_BOT_TOKEN has expired: install the app again and copy its new bot token",
    "account_inactive": "the bot of SLACK_BOT_TOKEN was deactivated: install the app again",
    "missing_scope": "the bot lacks a scope: add chat:write (chat:write.public for public channels) and reinstall",
    "not_in_channel": "invite the bot into the channel, or give it the scope chat:write.public",
    "channel_not_found": "no such channel for this app: give the channel's id (C…) and invite the bot",
    "is_archived": "the channel is archived: choose another one",
    "channel_is_archived": "the webhook's channel is archived: make a webhook for another one",
    "restricted_action": "the workspace forbids the bot to post there: ask an administrator of the workspace",
    "action_prohibited": "the workspace forbids posting there: ask an administrator of the workspace",
    "posting_to_general_channel_denied": "the workspace forbids posting to #general: choose another channel",
    "invalid_token": "the webhook is not valid: copy its URL again",
    "no_service": "the webhook was deleted or disabled: make a new one",
    "no_service_id": "the webhook's URL is incomplete: copy it again",
    "no_team": "the webhook's workspace does not exist: make a new webhook",
    "team_disabled": "the Slack workspace is disabled",
    "user_not_found": "the webhook's user does not exist any more: make a new webhook",
}
_INVALID: Final = frozenset({
    "invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text", "msg_too_long", "too_many_attachments",
    "msg_blocks_too_long", "invalid_arguments", "invalid_json",
})  # fmt: skip
_GONE: Final = frozenset({
    HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE,
})  # fmt: skip
_TOO_FAST: Final = frozenset({"ratelimited", "rate_limited"})
_PASSING: Final = frozenset({
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error", "team_added_to_org",
})  # fmt: skip


def verdict(*, status: int, word: str, retry_after: str | None) -> DeliveryError | None:
    """None if Slack took the message, else the error to raise.

    `word` is the webhook's body or the Web API's `error` (`ok` when it has none). Unknown words are taken by
    their HTTP status, and an unknown 2xx refusal as one of this message only: it must neither loop nor silence
    a destination that may be fine.
    """
    said = _plain(word)
    if status == HTTPStatus.TOO_MANY_REQUESTS or said in _TOO_FAST:
        return RateLimited("rate limited", retry_after=pause(retry_after))
    if said in _REFUSED:
        return DestinationRefused(said, advice=_REFUSED[said])
    if said in _INVALID:
        return MessageInvalid(said, advice="Slack does not accept this message")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or said in _PASSING:
        return Unavailable(f"HTTP {status}", retry_after=pause(retry_after) if retry_after else None)
    if status // 100 == 2:  # noqa: PLR2004 (any success)
        return None if said == "ok" else MessageInvalid(said or "empty answer")
    return _by_status(status, said)


def _by_status(status: int, said: str) -> DeliveryError:
    code = f"HTTP {status} {said}".strip()
    if status in _GONE:
        return DestinationRefused(code, advice="check the token, the channel or the webhook")
    return MessageInvalid(code)


def _plain(word: str) -> str:
    """Slack's word if it looks like one; a page of HTML or whatever a proxy says is not repeated."""
    bare = word.strip()
    looks_right = bare.isascii() and bare.replace("_", "").isalnum() and len(bare) <= _WORD_LIMIT
    return bare if looks_right else ""


def pause(retry_after: str | None) -> float:
    """Seconds to wait, bounded; the header's other form (a date) is not used by Slack."""
    if retry_after is None or not retry_after.strip().isdecimal():
        return DEFAULT_RETRY_AFTER
    return min(float(retry_after), LONGEST_RETRY_AFTER)
