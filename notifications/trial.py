"""Trying Slack out: one test message for each kind asked for, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from notifications.errors import SlackError, SlackNotConfigured
from notifications.slack_blocks import Channel, SlackMessage
from notifications.slack_messages import greeting
from notifications.slack_routes import Destination


class Sender(Protocol):
    def addressed(self, message: SlackMessage, /) -> SlackMessage: ...
    async def send(self, message: SlackMessage, /) -> Destination: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """`place` names where it went; `code` and `advice` say why it did not."""

    channel: Channel
    delivered: bool
    configured: bool = True
    place: str = ""
    code: str = ""
    advice: str = ""


async def try_out(*, sender: Sender, channels: Sequence[Channel], user: str, at_ms: int) -> list[Trial]:
    """Send a greeting to each channel in turn."""
    return [await _try_one(sender, greeting(channel=it, user=user, at_ms=at_ms)) for it in channels]


async def _try_one(sender: Sender, message: SlackMessage) -> Trial:
    try:
        place = await sender.send(sender.addressed(message))
    except SlackError as error:
        configured = not isinstance(error, SlackNotConfigured)
        return Trial(message.channel, delivered=False, configured=configured, code=error.code, advice=error.advice)
    return Trial(message.channel, delivered=True, place=place.name)
