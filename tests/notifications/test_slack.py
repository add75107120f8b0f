"""One try at one place in Slack: what goes out, what the answers mean, and what is never said."""

import logging
from collections.abc import AsyncIterator, Callable

import pytest

from notifications.errors import DeliveryError, DestinationRefused, MessageInvalid, RateLimited, Unavailable
from notifications.slack import post
from notifications.slack_blocks import Channel
from notifications.slack_messages import greeting
from notifications.slack_routes import Destination
from tests.notifications.fakes import NOON_MS, FakeSlack, Reply, api_error, fake_slack, plain

TOKEN = "xoxb-s3cr3t-token"
ALERT = greeting(channel=Channel.ALERT, user="U012AB3CD", at_ms=NOON_MS)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack() as it:
        yield it


Make = Callable[[FakeSlack], Destination]


def webhook(slack: FakeSlack) -> Destination:
    return Destination("alert webhook", webhook=slack.webhook)


def bot(slack: FakeSlack) -> Destination:
    return Destination("bot to C0ALERT", token=TOKEN, channel="C0ALERT", api_url=slack.api_url)


async def test_a_webhook_gets_text_and_blocks(slack: FakeSlack) -> None:
    await post(webhook(slack), ALERT)
    assert slack.posts[0]["text"] == ALERT.text
    assert slack.posts[0]["blocks"] == list(ALERT.blocks)


async def test_the_bot_posts_to_its_channel_and_learns_the_messages_name(slack: FakeSlack) -> None:
    assert await post(bot(slack), ALERT) == "1.2"
    assert (slack.posts[0]["channel"], slack.tokens[0]) == ("C0ALERT", f"Bearer {TOKEN}")


async def test_an_answer_goes_into_the_thread(slack: FakeSlack) -> None:
    await post(bot(slack), ALERT, thread="1.0")
    assert slack.posts[0]["thread_ts"] == "1.0"


async def test_links_in_messages_are_not_unfurled(slack: FakeSlack) -> None:
    await post(bot(slack), ALERT)
    assert slack.posts[0]["unfurl_links"] in (False, 0)


@pytest.mark.parametrize("make", [webhook, bot])
async def test_too_fast_says_how_long_to_wait(make: Make, slack: FakeSlack) -> None:
    slack.replies = [plain(429, **{"Retry-After": "7"})]
    with pytest.raises(RateLimited) as caught:
        await post(make(slack), ALERT)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("make", [webhook, bot])
@pytest.mark.parametrize("body", ["", "down", "<html>bad gateway</html>"])
async def test_slacks_own_trouble_may_pass(make: Make, body: str, slack: FakeSlack) -> None:
    slack.replies = [plain(503, body)]
    with pytest.raises(Unavailable):
        await post(make(slack), ALERT)


async def test_nobody_listening_is_unavailable_and_names_no_address() -> None:
    with pytest.raises(Unavailable) as caught:
        await post(Destination("webhook", webhook="http://127.0.0.1:9/s3cr3t"), ALERT)
    assert "s3cr3t" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "reply"),
    [(webhook, plain(404, "no_service")), (bot, api_error("channel_not_found")), (bot, api_error("invalid_auth"))],
)
async def test_a_dead_place_refuses_everything(make: Make, reply: Reply, slack: FakeSlack) -> None:
    slack.replies = [reply]
    with pytest.raises(DestinationRefused):
        await post(make(slack), ALERT)


@pytest.mark.parametrize("reply", [api_error("invalid_blocks"), plain(200, "what?")])
async def test_a_message_slack_cannot_take_says_nothing_about_the_place(reply: Reply, slack: FakeSlack) -> None:
    slack.replies = [reply]
    with pytest.raises(MessageInvalid):
        await post(bot(slack), ALERT)


@pytest.mark.parametrize("make", [webhook, bot])
@pytest.mark.parametrize("reply", [plain(404, "no_service"), plain(503), plain(200, "ok"), api_error("invalid_auth")])
async def test_even_at_debug_no_log_line_holds_the_token_or_the_url(
    make: Make, reply: Reply, slack: FakeSlack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.replies = [reply]
    said = ""
    try:
        await post(make(slack), ALERT)
    except DeliveryError as error:
        said = repr(error) + str(error)
    assert "s3cr3t" not in caplog.text + said
