"""What Django's system checks say about the SLACK_* and NOTIFY_* settings, each with what to do."""

from collections.abc import Iterator

from django.core.checks import CheckMessage
from django.core.checks import Error as CheckError
from django.core.checks import Warning as CheckWarning

from notifications.sinks import WebhookSettings
from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings, routes


def slack_warnings(slack: SlackSettings, *, mention_wanted: bool) -> list[CheckMessage]:
    """Settings that contradict each other, or say less than they seem to."""
    return [*_one_webhook(slack), *_nowhere(slack), *_half(slack), *_mention(slack, wanted=mention_wanted)]


def webhook_errors(webhook: WebhookSettings) -> list[CheckMessage]:
    """A webhook that cannot be signed is not used."""
    if not webhook.url or webhook.usable:
        return []
    return [
        CheckError(
            "NOTIFY_WEBHOOK_URL is set, but NOTIFY_WEBHOOK_SECRET is missing or short: nothing is sent there.",
            hint="Set NOTIFY_WEBHOOK_SECRET to at least 32 random characters, the same as at the receiver.",
            id="notifications.E001",
        )
    ]


def _one_webhook(slack: SlackSettings) -> Iterator[CheckMessage]:
    found = routes(slack)
    named = {name for name in slack.channels.values() if name}
    if len(named) > 1 and len(found) == len(Channel) and all(place.shared for place in found.values()):
        yield CheckWarning(
            "SLACK_WEBHOOK_URL is bound to one channel: activity and alerts both land there.",
            hint="Set SLACK_BOT_TOKEN, or SLACK_ACTIVITY_WEBHOOK_URL and SLACK_ALERT_WEBHOOK_URL. "
            "Until then each message says for which channel it was meant.",
            id="notifications.W001",
        )


def _nowhere(slack: SlackSettings) -> Iterator[CheckMessage]:
    if any(slack.channels.values()) and not routes(slack):
        yield CheckWarning(
            "Slack channels are named, but there is nothing to send with.",
            hint="Set SLACK_BOT_TOKEN or a webhook, or unset the channels.",
            id="notifications.W002",
        )
    elif slack.bot_token and not any(slack.channels.values()):
        yield CheckWarning(
            "SLACK_BOT_TOKEN is set, but no channel: the bot sends nothing.",
            hint="Set SLACK_ACTIVITY_CHANNEL and SLACK_ALERT_CHANNEL.",
            id="notifications.W003",
        )


def _half(slack: SlackSettings) -> Iterator[CheckMessage]:
    found = routes(slack)
    for missing in (kind for kind in Channel if found and kind not in found):
        yield CheckWarning(
            f"Slack is configured, but {missing.value} messages have nowhere to go.",
            hint=f"Set SLACK_{missing.upper()}_CHANNEL (with SLACK_BOT_TOKEN), "
            f"SLACK_{missing.upper()}_WEBHOOK_URL or SLACK_WEBHOOK_URL.",
            id="notifications.W004",
        )


def _mention(slack: SlackSettings, *, wanted: bool) -> Iterator[CheckMessage]:
    if wanted and not slack.user:
        yield CheckWarning(
            "SLACK_MENTION_USER_ID is not the id of a Slack user: nobody is mentioned.",
            hint="Give a member's id such as U012AB3CD (profile, three dots, “Copy member ID”).",
            id="notifications.W005",
        )
