"""Where this package meets Django: the only module here that reads settings."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils import timezone

from notifications.courier import Do
from notifications.origins import acceptable
from notifications.post_office import PostOffice
from notifications.sinks import SlackSink, WebhookSettings, sinks_of
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


def webhook_settings() -> WebhookSettings:
    """What the environment says about the signed webhook."""
    return WebhookSettings(url=_text("NOTIFY_WEBHOOK_URL"), secret=_text("NOTIFY_WEBHOOK_SECRET"))


def post_office(do: Do) -> PostOffice:
    """The relay and the couriers of what is configured; `do` runs ORM work."""
    slack = slack_settings()
    sinks = sinks_of(slack, webhook_settings())
    if not routes(slack):
        logger.info("slack: off, no SLACK_* variable names a place to send to", extra={"action": "slack_unset"})
    return PostOffice(sinks=sinks, do=do, now=timezone.now, user=slack.user)


def told_of_requests() -> list[str]:
    """The destinations, as configured now, that hear of requests."""
    sinks = sinks_of(slack_settings(), webhook_settings())
    return [sink.name for sink in sinks if not isinstance(sink, SlackSink) or Channel.ACTIVITY in sink.channels]


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
