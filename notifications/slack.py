"""The sender: one message to one place in Slack, over slack_sdk, with bounded patience.

It tries again what may pass (no answer, 5xx, 429 after the pause Slack asks for) and gives up after `TRIES`; what
Slack refuses for good switches the destination off, with one line in the log, until the next start. A try that
timed out may have arrived, so a message can come twice, never endlessly. Neither URL nor token ever reaches a log
or an error.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from notifications import deliveries
from notifications.errors import (
    SlackError,
    SlackNotConfigured,
    SlackRateLimited,
    SlackRefused,
    SlackUnavailable,
)
from notifications.slack_blocks import Channel, SlackMessage, labelled
from notifications.slack_replies import verdict
from notifications.slack_routes import Destination, SlackSettings, label, routes

TRIES: Final = 3
TIMEOUT_S: Final = 8
"""Seconds one try may take, connecting included."""
BACKOFF_S: Final = 2.0

logger = logging.getLogger(__name__)

# slack_sdk writes webhook URLs at DEBUG whenever its logger has no level of its own; this one is always off.
_silent = logging.getLogger("notifications.slack.sdk")
_silent.setLevel(logging.CRITICAL + 1)
_silent.propagate = False

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack said: HTTP status, its word, and the Retry-After header."""

    status: int
    word: str
    retry_after: str | None


class SlackSender:
    """Sends messages where the settings say. `disabled` names the places switched off, and why."""

    def __init__(self, *, settings: SlackSettings, sleep: Sleep = asyncio.sleep, tries: int = TRIES) -> None:
        self._settings = settings
        self._routes = routes(settings)
        self._sleep = sleep
        self._tries = tries
        self.disabled: dict[str, str] = {}

    def destination(self, channel: Channel) -> Destination | None:
        """Where messages of this kind go; None if nowhere."""
        return self._routes.get(channel)

    def addressed(self, message: SlackMessage) -> SlackMessage:
        """The message with its channel's name on it, if its destination is shared; done before it joins a digest."""
        meant = label(self._settings, channel=message.channel)
        return labelled(message, label=meant) if meant else message

    async def send(self, message: SlackMessage) -> Destination:
        """Deliver `message` and say where.

        Raises SlackNotConfigured, SlackRefused (also when switched off before), SlackMessageInvalid, and after the
        last try SlackRateLimited or SlackUnavailable.
        """
        with deliveries.counted():
            place = self._open(message.channel)
            try:
                await self._persist(place, message)
            except SlackRefused as error:
                self._switch_off(place, error)
                raise
            return place

    def _open(self, channel: Channel) -> Destination:
        place = self._routes.get(channel)
        if place is None:
            raise SlackNotConfigured(
                "not configured",
                advice=f"set SLACK_BOT_TOKEN and SLACK_{channel.upper()}_CHANNEL, or SLACK_WEBHOOK_URL",
            )
        if place.name in self.disabled:
            raise SlackRefused(f"switched off since {self.disabled[place.name]}")
        return place

    async def _persist(self, place: Destination, message: SlackMessage) -> None:
        for left in range(self._tries - 1, -1, -1):
            try:
                return await post(place, message)
            except (SlackRateLimited, SlackUnavailable) as error:
                if not left:
                    raise
                await self._sleep(error.retry_after or BACKOFF_S * (self._tries - left))
        return None

    def _switch_off(self, place: Destination, error: SlackError) -> None:
        self.disabled[place.name] = error.code
        logger.error("slack: nothing more is sent to the %s: %s", place.name, error, extra={"action": "slack_off"})


async def post(place: Destination, message: SlackMessage) -> None:
    """One try. Raises the SlackError that Slack's answer, or its absence, means."""
    call = _by_bot if place.token else _by_webhook
    try:
        answer = await call(place, message)
    except TimeoutError:
        raise SlackUnavailable("timeout") from None
    except (aiohttp.ClientError, OSError) as error:
        # Only the kind of trouble: aiohttp's own words can contain the URL.
        raise SlackUnavailable(type(error).__name__) from None
    if trouble := verdict(status=answer.status, word=answer.word, retry_after=answer.retry_after):
        raise trouble


async def _by_webhook(place: Destination, message: SlackMessage) -> Answer:
    client = AsyncWebhookClient(place.webhook, timeout=TIMEOUT_S, logger=_silent, retry_handlers=[])
    said = await client.send(text=message.text, blocks=list(message.blocks), unfurl_links=False, unfurl_media=False)
    return Answer(said.status_code, said.body, _header(said.headers))


async def _by_bot(place: Destination, message: SlackMessage) -> Answer:
    client = AsyncWebClient(place.token, base_url=place.api_url, timeout=TIMEOUT_S, logger=_silent, retry_handlers=[])
    try:
        said = await client.chat_postMessage(
            channel=place.channel,
            text=message.text,
            blocks=list(message.blocks),
            unfurl_links=False,
            unfurl_media=False,
        )
    except SlackApiError as error:
        return _refusal(error)
    except AttributeError:
        return Answer(200, "", None)  # valid JSON, but not Slack's: the SDK stumbles over it
    return Answer(said.status_code, "ok", None)


def _refusal(error: SlackApiError) -> Answer:
    """Read what the SDK raised; it holds the request too, token and all, so it goes no further than this."""
    said = error.response
    if not isinstance(said, AsyncSlackResponse):  # aiohttp's own response, when the body was no JSON
        return Answer(getattr(said, "status", 0), "", None)
    word = said.data.get("error", "") if isinstance(said.data, dict) else ""
    return Answer(said.status_code, str(word), _header(said.headers))


def _header(headers: Mapping[str, str]) -> str | None:
    return headers.get("Retry-After")
