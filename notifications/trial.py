"""Trying a destination out: one test message, one try, and what became of it."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final

from notifications import slack
from notifications.errors import DeliveryError, NotConfigured
from notifications.sinks import WEBHOOK, WebhookSettings, send
from notifications.slack_blocks import Channel, labelled
from notifications.slack_messages import greeting
from notifications.slack_routes import SlackSettings, label, routes

TARGETS: Final = (*(channel.value for channel in Channel), WEBHOOK)


@dataclass(frozen=True, slots=True)
class Trial:
    """`place` names where it went; `code` and `advice` say why it did not."""

    target: str
    delivered: bool
    configured: bool = True
    place: str = ""
    code: str = ""
    advice: str = ""


async def try_out(
    targets: Sequence[str], *, slack_settings: SlackSettings, webhook_settings: WebhookSettings, at_ms: int
) -> list[Trial]:
    """Send a test message to each of these targets in turn."""
    return [
        await _tried(target, _webhook(webhook_settings, at_ms=at_ms))
        if target == WEBHOOK
        else await _tried(target, _slack(slack_settings, Channel(target), at_ms=at_ms))
        for target in targets
    ]


async def _tried(target: str, sending: Awaitable[str]) -> Trial:
    try:
        place = await sending
    except DeliveryError as error:
        configured = not isinstance(error, NotConfigured)
        return Trial(target, delivered=False, configured=configured, code=error.code, advice=error.advice)
    return Trial(target, delivered=True, place=place)


async def _slack(settings: SlackSettings, channel: Channel, *, at_ms: int) -> str:
    place = routes(settings).get(channel)
    if place is None:
        name = channel.upper()
        advice = f"set SLACK_BOT_TOKEN and SLACK_{name}_CHANNEL, or SLACK_{name}_WEBHOOK_URL, or SLACK_WEBHOOK_URL"
        raise NotConfigured("not configured", advice=advice)
    message, meant = greeting(channel=channel, user=settings.user, at_ms=at_ms), label(settings, channel=channel)
    await slack.post(place, labelled(message, label=meant) if meant else message)
    return place.name


async def _webhook(settings: WebhookSettings, *, at_ms: int) -> str:
    if not settings.usable:
        advice = "set NOTIFY_WEBHOOK_URL, and NOTIFY_WEBHOOK_SECRET to at least 32 random characters"
        raise NotConfigured("not configured", advice=advice)
    await send(settings, event=f"test:{at_ms}", content={"type": "test", "at_ms": at_ms})
    return WEBHOOK
