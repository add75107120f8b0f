"""A test message to each place, and what is said of it."""

from collections.abc import AsyncIterator

import pytest

from notifications.sinks import WebhookSettings
from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings
from notifications.trial import Trial, try_out
from tests.notifications.fakes import NOON_MS, FakeSlack, fake_slack, plain

SECRET = "0123456789abcdef" * 2


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeSlack]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with fake_slack() as it:
        yield it


async def tried(target: str, slack: FakeSlack | None, *, secret: str = SECRET) -> Trial:
    hooks = {Channel.ALERT: slack.webhook} if slack else {}
    webhook = WebhookSettings(slack.webhook, secret) if slack else WebhookSettings()
    settings = SlackSettings(webhooks=hooks)
    (trial,) = await try_out([target], slack_settings=settings, webhook_settings=webhook, at_ms=NOON_MS)
    return trial


@pytest.mark.parametrize(("target", "place"), [("alert", "alert webhook"), ("webhook", "webhook")])
async def test_a_delivered_message_says_where_it_went(target: str, place: str, slack: FakeSlack) -> None:
    assert await tried(target, slack) == Trial(target, delivered=True, place=place)


async def test_a_refused_one_says_why_and_what_to_do(slack: FakeSlack) -> None:
    slack.replies = [plain(404, "no_service")]
    trial = await tried("alert", slack)
    assert (trial.delivered, trial.configured, trial.code) == (False, True, "no_service")
    assert "make a new one" in trial.advice


async def test_a_webhook_that_is_gone_is_told_by_its_status(slack: FakeSlack) -> None:
    slack.replies = [plain(410)]
    assert (await tried("webhook", slack)).code == "HTTP 410"


@pytest.mark.parametrize("target", ["alert", "activity", "webhook"])
async def test_nothing_configured_is_told_apart(target: str) -> None:
    trial = await tried(target, None)
    assert (trial.configured, trial.code) == (False, "not configured")


async def test_a_webhook_without_a_proper_secret_is_not_used(slack: FakeSlack) -> None:
    assert not (await tried("webhook", slack, secret="short")).configured
    assert not slack.posts
