"""Where this package meets Django: the only module here that reads settings."""

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from notifications.lanes import Courier
from notifications.origins import acceptable
from notifications.relay import Relay
from notifications.slack import SlackSender
from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings, routes
from notifications.slack_text import user_id

SLACK_API = "https://slack.com/api/"

logger = logging.getLogger(__name__)


def slack_settings() -> SlackSettings:
    """What the environment says about Slack."""
    return SlackSettings(
        bot_token=_text("SLACK_BOT_TOKEN"),
        channels={it: _text(f"SLACK_{it.upper()}_CHANNEL") for it in Channel},
        webhooks={it: _text(f"SLACK_{it.upper()}_WEBHOOK_URL") for it in Channel},
        shared_webhook=_text("SLACK_WEBHOOK_URL"),
        user=user_id(_text("SLACK_MENTION_USER_ID")),
        api_url=_text("SLACK_API_BASE_URL") or SLACK_API,
    )


@asynccontextmanager
async def open_relay() -> AsyncIterator[Relay]:
    """A relay on the running loop, with Slack if it is configured; what still waits is sent before it closes."""
    slack = slack_settings()
    if not routes(slack):
        logger.info("slack: off, no SLACK_* variable names a place to send to", extra={"action": "slack_unset"})
        yield Relay(messenger=None)
        return
    courier = Courier(sender=SlackSender(settings=slack), clock=time.monotonic)
    courier.start()
    try:
        yield Relay(messenger=courier, user=slack.user)
    finally:
        await courier.close()


def from_our_page(scope: Mapping[str, Any]) -> bool:
    """Whether a websocket was opened by a page of this site."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host", "")
    domain, _ = split_domain_port(host)
    return validate_host(domain, settings.ALLOWED_HOSTS) and acceptable(
        origin=headers.get("origin", ""),
        host=host,
        secure=scope.get("scheme") == "wss",
        trusted=settings.CSRF_TRUSTED_ORIGINS,
    )


def mention_wanted() -> bool:
    """Whether somebody meant to be mentioned, whatever became of it."""
    return bool(_text("SLACK_MENTION_USER_ID"))


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()
