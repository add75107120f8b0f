"""Where this package meets Django: the only module here that reads settings."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from channels.auth import get_user
from channels.layers import get_channel_layer
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
LOOK_DEADLINE_S = 5.0
"""A socket whose owner cannot be looked up is closed; the browser comes again."""

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
    layer = get_channel_layer()
    if not routes(slack):
        logger.info("slack: off, no SLACK_* variable names a place to send to", extra={"action": "slack_unset"})
        yield Relay(layer=layer, messenger=None)
        return
    courier = Courier(sender=SlackSender(settings=slack), clock=time.monotonic)
    courier.start()
    try:
        yield Relay(layer=layer, messenger=courier, user=slack.user)
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


async def may_watch(scope: Mapping[str, Any]) -> bool:
    """Whether the session behind a websocket is, right now, that of an active member of staff.

    The session is read afresh: a log-out, a changed password or a lost role counts at the next look. Raises
    TimeoutError where the database does not say.
    """
    key = getattr(scope.get("session"), "session_key", None)
    if not key:
        return False
    fresh = import_module(settings.SESSION_ENGINE).SessionStore(key)
    async with asyncio.timeout(LOOK_DEADLINE_S):
        user = await get_user({"session": fresh})
    return bool(user.is_active and user.is_staff)


def mention_wanted() -> bool:
    """Whether somebody meant to be mentioned, whatever became of it."""
    return bool(_text("SLACK_MENTION_USER_ID"))


def _text(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()
