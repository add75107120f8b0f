from typing import Any

import pytest

from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings, destination, label, routes

ACTIVITY, ALERT = Channel.ACTIVITY, Channel.ALERT
HOOK, OTHER_HOOK = "https://hooks.slack.example/a", "https://hooks.slack.example/b"


def test_a_bot_token_with_a_channel_wins_over_webhooks() -> None:
    slack = SlackSettings(bot_token="xoxb-1", channels={ALERT: "C1"}, webhooks={ALERT: HOOK})
    place = destination(slack, channel=ALERT)
    assert place is not None
    assert (place.token, place.channel, place.webhook) == ("xoxb-1", "C1", "")


def test_a_bot_token_without_this_channel_leaves_it_to_the_webhook() -> None:
    slack = SlackSettings(bot_token="xoxb-1", channels={ACTIVITY: "C1"}, shared_webhook=HOOK)
    place = destination(slack, channel=ALERT)
    assert place is not None
    assert place.webhook == HOOK


def test_an_own_webhook_wins_over_the_shared_one() -> None:
    slack = SlackSettings(webhooks={ALERT: OTHER_HOOK}, shared_webhook=HOOK)
    found = routes(slack)
    assert (found[ALERT].webhook, found[ACTIVITY].webhook) == (OTHER_HOOK, HOOK)


@pytest.mark.parametrize("settings", [{}, {"bot_token": "xoxb-1"}, {"channels": {ALERT: "C1"}}])
def test_half_a_configuration_leads_nowhere(settings: dict[str, Any]) -> None:
    assert routes(SlackSettings(**settings)) == {}


def test_on_a_shared_webhook_the_wanted_channel_is_said() -> None:
    slack = SlackSettings(shared_webhook=HOOK, channels={ALERT: "#alerts"})
    assert label(slack, channel=ALERT) == "#alerts"
    assert label(slack, channel=ACTIVITY) == "activity"


def test_with_a_webhook_each_nothing_needs_saying() -> None:
    slack = SlackSettings(shared_webhook=HOOK, webhooks={ALERT: OTHER_HOOK})
    assert label(slack, channel=ALERT) == label(slack, channel=ACTIVITY) == ""


def test_neither_settings_nor_destinations_show_their_secrets() -> None:
    slack = SlackSettings(bot_token="xoxb-1", channels={ALERT: "C1"}, webhooks={ACTIVITY: HOOK}, shared_webhook=HOOK)
    shown = repr(slack) + repr(routes(slack))
    assert "xoxb-1" not in shown
    assert HOOK not in shown
