from notifications.errors import SlackNotConfigured, SlackRefused
from notifications.slack_blocks import Channel
from notifications.trial import Trial, try_out
from tests.notifications.fakes import NOON_MS, FakeSender


async def test_a_delivered_greeting_says_where_it_went() -> None:
    trials = await try_out(sender=FakeSender(), channels=[Channel.ALERT], user="", at_ms=NOON_MS)
    assert trials == [Trial(Channel.ALERT, delivered=True, place="one")]


async def test_a_refused_greeting_says_why_and_what_to_do() -> None:
    sender = FakeSender()
    sender.trouble = SlackRefused("not_in_channel", advice="invite the bot")
    (trial,) = await try_out(sender=sender, channels=[Channel.ALERT], user="", at_ms=NOON_MS)
    assert (trial.delivered, trial.configured, trial.code, trial.advice) == (
        False,
        True,
        "not_in_channel",
        "invite the bot",
    )


async def test_nothing_configured_is_told_apart() -> None:
    sender = FakeSender()
    sender.trouble = SlackNotConfigured("not configured")
    (trial,) = await try_out(sender=sender, channels=[Channel.ALERT], user="", at_ms=NOON_MS)
    assert not trial.configured
