"""Through Django's settings, as in life."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from django.core import checks
from pytest_django import Settings

from notifications import wiring
from notifications.slack_blocks import Channel
from tests.notifications.fakes import alert_entry, at_once, breaker_entry, fake_slack

PAGE = {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}


def scope_of(headers: Mapping[str, str], **more: Any) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers.items()], **more}


def test_our_own_page_is_welcome() -> None:
    assert wiring.from_our_page(scope_of(PAGE))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": PAGE["host"]},
        {**PAGE, "origin": "http://evil.example"},
        {"host": "evil.example", "origin": "http://evil.example"},
    ],
)
def test_a_page_of_another_host_is_not_even_when_it_names_itself_so(headers: dict[str, str]) -> None:
    assert not wiring.from_our_page(scope_of(headers))


def test_a_trusted_origin_of_the_settings_is_welcome(settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://ops.example"]
    assert wiring.from_our_page(scope_of({**PAGE, "origin": "https://ops.example"}))


def test_the_settings_are_read_by_name(settings: Settings) -> None:
    settings.SLACK_BOT_TOKEN = " xoxb-1 "
    settings.SLACK_ALERT_CHANNEL = "#alerts"
    settings.SLACK_ACTIVITY_WEBHOOK_URL = "https://hooks.slack.example/a"
    settings.SLACK_MENTION_USER_ID = "<@U012AB3CD>"
    slack = wiring.slack_settings()
    assert (slack.bot_token, slack.channels[Channel.ALERT], slack.user) == ("xoxb-1", "#alerts", "U012AB3CD")
    assert slack.webhooks[Channel.ACTIVITY] == "https://hooks.slack.example/a"


def test_djangos_checks_know_about_slack(settings: Settings) -> None:
    settings.SLACK_BOT_TOKEN = "xoxb-1"
    settings.SLACK_ALERT_CHANNEL = settings.SLACK_ACTIVITY_CHANNEL = ""
    assert "notifications.W003" in [it.id for it in checks.run_checks()]


def test_djangos_checks_refuse_a_webhook_that_cannot_be_signed(settings: Settings) -> None:
    settings.NOTIFY_WEBHOOK_URL = "https://ops.example/hook"
    assert "notifications.E001" in [it.id for it in checks.run_checks()]
    settings.NOTIFY_WEBHOOK_SECRET = "0123456789abcdef" * 2
    assert "notifications.E001" not in [it.id for it in checks.run_checks()]


async def test_without_slack_it_is_said_once_that_it_is_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    office = wiring.post_office(at_once)
    for gen in (1, 2):
        await office.relay.publish([breaker_entry(gen=gen)])
    assert [it.getMessage() for it in caplog.records].count(
        "slack: off, no SLACK_* variable names a place to send to"
    ) == 1


@pytest.mark.django_db(transaction=True)
async def test_with_slack_what_deserves_a_message_arrives(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with fake_slack() as slack:
        settings.SLACK_ALERT_WEBHOOK_URL = slack.webhook
        office = wiring.post_office(at_once)
        await office.relay.publish([alert_entry()])
        await office.deliver()
    assert "alpha: 95 %" in slack.posts[0]["text"]
