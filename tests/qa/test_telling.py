"""The result in Slack, over the real client, to a double of Slack."""

from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings
from nubabel.smoke.running import Mark, Result
from qa.report import Report
from qa.telling import tell_slack
from simulator.testing import running_simulator

REPORT = Report("https://pool.example.com", [Result("alive", Mark.GOOD, "now")], ["qa-live.png"])


def bot(simulator):
    api = f"{simulator.url}/slack/api/"
    return SlackSettings(bot_token="xoxb-1", channels={Channel.ACTIVITY: "#it-test"}, api_url=api)


async def test_slack_gets_the_verdict_and_the_list_of_pictures():
    async with running_simulator() as simulator:
        told = await tell_slack(REPORT, bot(simulator))
    (message,) = simulator.world.slack.messages
    assert (told.mark, told.said) == (Mark.GOOD, "Slack, bot to #it-test")
    assert message.channel == "#it-test"
    assert "qa-live.png" in str(message.payload)


async def test_a_webhook_does_as_well():
    async with running_simulator() as simulator:
        settings = SlackSettings(shared_webhook=f"{simulator.url}/slack/services/T/B/secret")
        told = await tell_slack(REPORT, settings)
    assert told.mark is Mark.GOOD
    assert "QA passed" in simulator.world.slack.texts()[0]


async def test_a_result_that_slack_does_not_take_is_a_failure_with_its_reason():
    async with running_simulator() as simulator:
        simulator.world.slack.fault("channel_not_found")
        told = await tell_slack(REPORT, bot(simulator))
    assert told.mark is Mark.BAD
    assert "channel_not_found" in told.said


async def test_without_slack_it_says_so():
    told = await tell_slack(REPORT, SlackSettings())
    assert told.mark is Mark.NOT_ASKED
