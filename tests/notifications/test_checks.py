from typing import Any

import pytest

from notifications.checks import slack_warnings
from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings

ACTIVITY, ALERT = Channel.ACTIVITY, Channel.ALERT
BOTH = {ACTIVITY: "#it-test", ALERT: "#alerts"}
HOOK = "https://hooks.slack.example/services/s3cr3t"


def ids(*, mention_wanted: bool = False, **settings: Any) -> list[str | None]:
    return [it.id for it in slack_warnings(SlackSettings(**settings), mention_wanted=mention_wanted)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"bot_token": "xoxb-1", "channels": BOTH},
        {"webhooks": {ACTIVITY: HOOK, ALERT: HOOK}},
        {"shared_webhook": HOOK},
        {"shared_webhook": HOOK, "channels": {ALERT: "#alerts"}},
        {"bot_token": "xoxb-1", "channels": BOTH, "shared_webhook": HOOK},
    ],
)
def test_settings_that_agree_are_no_matter(settings: dict[str, Any]) -> None:
    assert ids(**settings) == []


def test_one_webhook_for_two_channels_is_pointed_out() -> None:
    assert ids(shared_webhook=HOOK, channels=BOTH) == ["notifications.W001"]


def test_channels_without_anything_to_send_with_are_pointed_out() -> None:
    assert ids(channels=BOTH) == ["notifications.W002"]


def test_a_bot_without_a_channel_is_pointed_out() -> None:
    assert ids(bot_token="xoxb-1") == ["notifications.W003"]


def test_a_kind_of_message_with_nowhere_to_go_is_pointed_out() -> None:
    assert ids(bot_token="xoxb-1", channels={ALERT: "#alerts"}) == ["notifications.W004"]


def test_a_mention_that_is_no_user_is_pointed_out() -> None:
    assert ids(mention_wanted=True) == ["notifications.W005"]


def test_every_warning_says_what_to_do_and_shows_no_secret() -> None:
    found = slack_warnings(SlackSettings(shared_webhook=HOOK, channels=BOTH), mention_wanted=True)
    assert all(it.hint for it in found)
    assert "s3cr3t" not in str(found)
