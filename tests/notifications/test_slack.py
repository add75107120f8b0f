import logging
from collections.abc import AsyncIterator, Callable

import pytest

from notifications.errors import (
    SlackError,
    SlackMessageInvalid,
    SlackNotConfigured,
    SlackRateLimited,
    SlackRefused,
    SlackUnavailable,
)
from notifications.slack import SlackSender
from notifications.slack_blocks import Channel
from notifications.slack_messages import greeting
from notifications.slack_routes import SlackSettings
from tests.notifications.fakes import NOON_MS, FakeSlack, Naps, Reply, api_error, fake_slack, plain

TOKEN = "xoxb-s3cr3t-token"
ALERT = greeting(channel=Channel.ALERT, user="U012AB3CD", at_ms=NOON_MS)
ACTIVITY = greeting(channel=Channel.ACTIVITY, user="", at_ms=NOON_MS)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack() as it:
        yield it


@pytest.fixture
def naps() -> Naps:
    return Naps()


Make = Callable[[FakeSlack, Naps], SlackSender]


def by_webhook(slack: FakeSlack, naps: Naps) -> SlackSender:
    return SlackSender(settings=SlackSettings(shared_webhook=slack.webhook), sleep=naps)


def by_bot(slack: FakeSlack, naps: Naps) -> SlackSender:
    channels = {Channel.ALERT: "C0ALERT", Channel.ACTIVITY: "C0ACTIVITY"}
    settings = SlackSettings(bot_token=TOKEN, channels=channels, api_url=slack.api_url)
    return SlackSender(settings=settings, sleep=naps)


async def test_a_webhook_gets_text_and_blocks(slack: FakeSlack, naps: Naps) -> None:
    own = SlackSettings(webhooks={Channel.ALERT: slack.webhook})
    await SlackSender(settings=own, sleep=naps).send(ALERT)
    assert slack.posts[0]["text"] == ALERT.text
    assert slack.posts[0]["blocks"] == list(ALERT.blocks)


async def test_a_shared_webhook_is_told_the_channel_that_was_meant(slack: FakeSlack, naps: Naps) -> None:
    assert by_webhook(slack, naps).addressed(ACTIVITY).text.startswith("[for activity]")


async def test_a_place_of_its_own_needs_no_label(slack: FakeSlack, naps: Naps) -> None:
    assert by_bot(slack, naps).addressed(ACTIVITY) is ACTIVITY


async def test_the_bot_posts_to_the_channel_of_the_kind(slack: FakeSlack, naps: Naps) -> None:
    sender = by_bot(slack, naps)
    await sender.send(ALERT)
    await sender.send(ACTIVITY)
    assert [it["channel"] for it in slack.posts] == ["C0ALERT", "C0ACTIVITY"]
    assert slack.tokens[0] == f"Bearer {TOKEN}"


async def test_links_in_messages_are_not_unfurled(slack: FakeSlack, naps: Naps) -> None:
    await by_bot(slack, naps).send(ALERT)
    assert slack.posts[0]["unfurl_links"] in (False, 0)


@pytest.mark.parametrize("make", [by_webhook, by_bot])
async def test_too_fast_waits_as_long_as_slack_says_and_tries_again(make: Make, slack: FakeSlack, naps: Naps) -> None:
    slack.replies = [plain(429, **{"Retry-After": "7"})]
    await make(slack, naps).send(ALERT)
    assert naps.taken == [7.0]
    assert len(slack.posts) == 2


async def test_too_fast_for_too_long_gives_up(slack: FakeSlack, naps: Naps) -> None:
    slack.replies = [plain(429, **{"Retry-After": "1"})] * 9
    with pytest.raises(SlackRateLimited):
        await by_webhook(slack, naps).send(ALERT)
    assert len(slack.posts) == 3


@pytest.mark.parametrize("make", [by_webhook, by_bot])
@pytest.mark.parametrize("body", ["", "down", "<html>bad gateway</html>"])
async def test_slacks_own_trouble_is_tried_again_a_few_times(
    make: Make, body: str, slack: FakeSlack, naps: Naps
) -> None:
    slack.replies = [plain(503, body)] * 9
    with pytest.raises(SlackUnavailable):
        await make(slack, naps).send(ALERT)
    assert (len(slack.posts), naps.taken) == (3, [2.0, 4.0])


async def test_nobody_listening_is_unavailable_and_names_no_address(naps: Naps) -> None:
    sender = SlackSender(settings=SlackSettings(shared_webhook="http://127.0.0.1:9/s3cr3t"), sleep=naps)
    with pytest.raises(SlackUnavailable) as caught:
        await sender.send(ALERT)
    assert "s3cr3t" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


async def test_a_dead_webhook_is_switched_off_after_one_try(slack: FakeSlack, naps: Naps) -> None:
    slack.replies = [plain(404, "no_service")]
    sender = by_webhook(slack, naps)
    for _ in range(3):
        with pytest.raises(SlackRefused, match="no_service"):
            await sender.send(ALERT)
    assert len(slack.posts) == 1
    assert sender.disabled == {"shared webhook": "no_service"}


async def test_a_dead_channel_leaves_the_other_alive(slack: FakeSlack, naps: Naps) -> None:
    slack.replies = [api_error("channel_not_found")]
    sender = by_bot(slack, naps)
    with pytest.raises(SlackRefused):
        await sender.send(ALERT)
    await sender.send(ACTIVITY)
    assert slack.posts[-1]["channel"] == "C0ACTIVITY"


@pytest.mark.parametrize("reply", [api_error("invalid_blocks"), plain(200, "what?")])
async def test_a_message_slack_cannot_take_is_given_up_alone(reply: Reply, slack: FakeSlack, naps: Naps) -> None:
    slack.replies = [reply]
    sender = by_bot(slack, naps)
    with pytest.raises(SlackMessageInvalid):
        await sender.send(ALERT)
    await sender.send(ALERT)
    assert sender.disabled == {}


async def test_nothing_configured_says_what_to_set(naps: Naps) -> None:
    with pytest.raises(SlackNotConfigured, match="SLACK_ALERT_CHANNEL"):
        await SlackSender(settings=SlackSettings(), sleep=naps).send(ALERT)


@pytest.mark.parametrize("make", [by_webhook, by_bot])
@pytest.mark.parametrize("reply", [plain(404, "no_service"), plain(503), plain(200, "ok"), api_error("invalid_auth")])
async def test_even_at_debug_no_log_line_holds_the_token_or_the_url(
    *,
    make: Make,
    reply: Reply,
    slack: FakeSlack,
    naps: Naps,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.replies = [reply] * 9
    said = ""
    try:
        await make(slack, naps).send(ALERT)
    except SlackError as error:
        said = repr(error) + str(error)
    assert "s3cr3t" not in caplog.text + said
