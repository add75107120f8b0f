"""Where each kind of message goes, from what is configured. Pure.

A bot token with the kind's channel wins; then the kind's own webhook; then the shared one, which is bound to the
one channel chosen when it was made, so that the message itself must say for which channel it was meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from notifications.slack_blocks import Channel


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """What people configured; empty strings are "not set". `api_url` ends where the method's name begins."""

    bot_token: str = field(default="", repr=False)
    channels: Mapping[Channel, str] = field(default_factory=dict)
    webhooks: Mapping[Channel, str] = field(default_factory=dict, repr=False)
    shared_webhook: str = field(default="", repr=False)
    user: str = ""
    api_url: str = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class Destination:
    """One place in Slack: a channel for the bot, or a webhook. `name` is fit for logs; the secrets are not shown."""

    name: str
    token: str = field(default="", repr=False)
    channel: str = ""
    webhook: str = field(default="", repr=False)
    api_url: str = ""
    shared: bool = False


def destination(settings: SlackSettings, *, channel: Channel) -> Destination | None:
    """The place for this kind of message, or None if there is none."""
    wanted = settings.channels.get(channel, "")
    if settings.bot_token and wanted:
        return Destination(f"bot to {wanted}", token=settings.bot_token, channel=wanted, api_url=settings.api_url)
    if own := settings.webhooks.get(channel, ""):
        return Destination(f"{channel.value} webhook", webhook=own)
    if settings.shared_webhook:
        return Destination("shared webhook", webhook=settings.shared_webhook, shared=True)
    return None


def routes(settings: SlackSettings) -> dict[Channel, Destination]:
    """Every kind of message that has a place."""
    return {kind: place for kind in Channel if (place := destination(settings, channel=kind))}


def label(settings: SlackSettings, *, channel: Channel) -> str:
    """The channel a message on a shared webhook was meant for; empty when it needs no saying."""
    found = routes(settings)
    both = all(kind in found and found[kind].shared for kind in Channel)
    return settings.channels.get(channel, "") or channel.value if both else ""
