"""Where letters go: a place in Slack, or a webhook. Each puts a notice in its own words and delivers it."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from notifications import slack, webhook
from notifications.kinds import AgentProgress, AgentStarted, Notice
from notifications.planning import TOGETHER, Waiting
from notifications.slack_blocks import Channel, SlackMessage, digest, labelled
from notifications.slack_messages import Audience, message_for
from notifications.slack_routes import Destination, SlackSettings, label, routes

SLACK_INTERVAL_S: Final = 1.0
"""Seconds between two messages to one channel; Slack's own rate."""
WEBHOOK: Final = "webhook"


class Sink(Protocol):
    """A destination. `name` is unique and fit for logs."""

    name: str
    fingerprint: str
    """Other settings, another fingerprint."""
    interval_s: float
    together: int
    """How many letters one message may hold."""

    def content(self, notice: Notice, /, *, audience: Audience) -> Mapping[str, Any] | None:
        """The notice in this destination's words; None if it ought not to hear of it."""

    async def deliver(self, letters: Sequence[Waiting], /, *, unlisted: int, thread: str) -> str:
        """One try; gives the name by which answers refer to it, if there is one. Raises `DeliveryError`."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What people configured; empty is off."""

    url: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return "WebhookSettings(…)"

    @property
    def usable(self) -> bool:
        """Whether there is an address and a secret worth the name. Unsigned letters are never sent."""
        return bool(self.url) and len(self.secret) >= webhook.MIN_SECRET


class SlackSink:
    """One place in Slack, for the kinds of messages in `channels`."""

    interval_s = SLACK_INTERVAL_S
    together = TOGETHER

    def __init__(self, *, place: Destination, channels: Sequence[Channel], settings: SlackSettings) -> None:
        self.name = f"Slack, {place.name}"
        self.fingerprint = fingerprint(place.token, place.channel, place.webhook, place.api_url)
        self._place = place
        self.channels = frozenset(channels)
        self._settings = settings

    def content(self, notice: Notice, /, *, audience: Audience) -> Mapping[str, Any] | None:
        if not self._place.token and isinstance(notice.fact, (AgentStarted, AgentProgress)):
            return None  # a webhook's messages have no threads to put it in
        message = message_for(notice, audience=audience)
        if message is None or message.channel not in self.channels:
            return None
        meant = label(self._settings, channel=message.channel)
        return asdict(labelled(message, label=meant) if meant else message)

    async def deliver(self, letters: Sequence[Waiting], /, *, unlisted: int, thread: str) -> str:
        messages = tuple(_message(letter.content) for letter in letters)
        return await slack.post(self._place, digest(messages, dropped=unlisted), thread=thread)


class WebhookSink:
    """The signed webhook. Each letter goes by itself."""

    name = WEBHOOK
    interval_s = 0.0
    together = 1

    def __init__(self, *, settings: WebhookSettings) -> None:
        self.fingerprint = fingerprint(settings.url, settings.secret)
        self._settings = settings

    def content(self, notice: Notice, /, *, audience: Audience) -> Mapping[str, Any] | None:
        return None if message_for(notice, audience=audience) is None else notice.as_message(names=audience.names)

    async def deliver(self, letters: Sequence[Waiting], /, *, unlisted: int, thread: str) -> str:  # noqa: ARG002
        (letter,) = letters
        await send(self._settings, event=letter.event, content=letter.content)
        return ""


async def send(settings: WebhookSettings, *, event: str, content: Mapping[str, Any]) -> None:
    """Sign and post it now. Raises `DeliveryError`."""
    body = json.dumps({"event": event, "data": content}, ensure_ascii=False, separators=(",", ":")).encode()
    said = webhook.headers(settings.secret, event=event, timestamp=int(time.time()), body=body)
    await webhook.post(settings.url, body=body, said=said)


def sinks_of(slack_settings: SlackSettings, webhook_settings: WebhookSettings) -> list[Sink]:
    """Every destination that is configured. Kinds of messages that go to one place share its pace."""
    found = routes(slack_settings)
    by_place = {place: [kind for kind in found if found[kind] == place] for place in found.values()}
    sinks: list[Sink] = [
        SlackSink(place=place, channels=kinds, settings=slack_settings) for place, kinds in by_place.items()
    ]
    return [*sinks, WebhookSink(settings=webhook_settings)] if webhook_settings.usable else sinks


def fingerprint(*settings: str) -> str:
    """Tells settings apart without telling them."""
    return hashlib.sha256("\n".join(settings).encode()).hexdigest()


def _message(content: Mapping[str, Any]) -> SlackMessage:
    return SlackMessage(Channel(content["channel"]), content["text"], tuple(content["blocks"]))
