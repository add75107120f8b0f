"""The result, to Slack: to where requests are told, by the product's own variables."""

from notifications import slack
from notifications.errors import DeliveryError
from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings, destination
from nubabel.smoke.running import Mark, Result
from qa.report import Report, slack_message


async def tell_slack(report: Report, settings: SlackSettings) -> Result:
    """One try. A result that does not arrive is a failure by itself: nobody would hear of the next one either."""
    place = destination(settings, channel=Channel.ACTIVITY)
    if place is None:
        return Result("told", Mark.NOT_ASKED, "Slack is not configured here: no SLACK_* variable names a place")
    try:
        await slack.post(place, slack_message(report))
    except DeliveryError as error:
        return Result("told", Mark.BAD, f"Slack, {place.name}: {error.code}; {error.advice}".rstrip("; "))
    return Result("told", Mark.GOOD, f"Slack, {place.name}")
