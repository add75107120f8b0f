"""One message to one place in Slack, over slack_sdk: one try. Neither URL nor token ever reaches a log or an error."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from notifications.errors import Unavailable
from notifications.slack_blocks import SlackMessage
from notifications.slack_replies import verdict
from notifications.slack_routes import Destination

TIMEOUT_S: Final = 8
"""Seconds one try may take, connecting included."""

# slack_sdk writes webhook URLs at DEBUG whenever its logger has no level of its own; this one is always off.
_silent = logging.getLogger("notifications.slack.sdk")
_silent.setLevel(logging.CRITICAL + 1)
_silent.propagate = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack said: HTTP status, its word, the Retry-After header, and the new message's name (bots only)."""

    status: int
    word: str
    retry_after: str | None
    ts: str = ""


async def post(place: Destination, message: SlackMessage, *, thread: str = "") -> str:
    """Deliver it, as an answer to the message named `thread` if there is one, and give its own name (bots only).

    Raises the DeliveryError that Slack's answer, or its absence, means.
    """
    try:
        answer = await (_by_bot(place, message, thread) if place.token else _by_webhook(place, message))
    except TimeoutError:
        raise Unavailable("timeout") from None
    except (aiohttp.ClientError, OSError) as error:
        # Only the kind of trouble: aiohttp's own words can contain the URL.
        raise Unavailable(type(error).__name__) from None
    if trouble := verdict(status=answer.status, word=answer.word, retry_after=answer.retry_after):
        raise trouble
    return answer.ts


async def _by_webhook(place: Destination, message: SlackMessage) -> Answer:
    client = AsyncWebhookClient(place.webhook, timeout=TIMEOUT_S, logger=_silent, retry_handlers=[])
    said = await client.send(text=message.text, blocks=list(message.blocks), unfurl_links=False, unfurl_media=False)
    return Answer(said.status_code, said.body, _header(said.headers))


async def _by_bot(place: Destination, message: SlackMessage, thread: str) -> Answer:
    client = AsyncWebClient(place.token, base_url=place.api_url, timeout=TIMEOUT_S, logger=_silent, retry_handlers=[])
    try:
        said = await client.chat_postMessage(
            channel=place.channel,
            text=message.text,
            blocks=list(message.blocks),
            thread_ts=thread or None,
            unfurl_links=False,
            unfurl_media=False,
        )
    except SlackApiError as error:
        return _refusal(error)
    except AttributeError:
        return Answer(200, "", None)  # valid JSON, but not Slack's: the SDK stumbles over it
    return Answer(said.status_code, "ok", None, ts=str(said.get("ts") or ""))


def _refusal(error: SlackApiError) -> Answer:
    """Read what the SDK raised; it holds the request too, token and all, so it goes no further than this."""
    said = error.response
    if not isinstance(said, AsyncSlackResponse):  # aiohttp's own response, when the body was no JSON
        return Answer(getattr(said, "status", 0), "", None)
    word = said.data.get("error", "") if isinstance(said.data, dict) else ""
    return Answer(said.status_code, str(word), _header(said.headers))


def _header(headers: Mapping[str, str]) -> str | None:
    return headers.get("Retry-After")
