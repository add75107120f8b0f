"""The command against a Slack in a thread of its own, as a person would run it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import Settings

from tests.notifications.fakes import FakeSlack, fake_slack, plain


@pytest.fixture
def slack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with ExitStack() as stack:
        stack.callback(loop.close)
        stack.callback(thread.join)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        context = fake_slack()
        it = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(timeout=10)
        settings.SLACK_ALERT_WEBHOOK_URL = it.webhook
        yield it
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(timeout=10)


def run(*args: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("test_slack", *args, stdout=out)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_a_message_that_arrives_is_reported_with_its_place(slack: FakeSlack) -> None:
    assert run("--channel", "alert") == (0, "✓ alert: delivered (alert webhook)\n")
    assert len(slack.posts) == 1


def test_a_dead_webhook_is_reported_with_what_to_do(slack: FakeSlack) -> None:
    slack.replies = [plain(404, "no_service")]
    code, said = run("--channel", "alert")
    assert code == 1
    assert "no_service – the webhook was deleted or disabled: make a new one" in said


def test_one_kind_of_two_failing_fails_the_whole(slack: FakeSlack) -> None:
    code, said = run()
    assert code == 1
    assert "✓ alert" in said
    assert "✗ activity: not configured" in said


def test_json_says_the_same_for_machines(slack: FakeSlack) -> None:
    code, said = run("--channel", "alert", "--json")
    assert code == 0
    assert json.loads(said)["channels"][0]["place"] == "alert webhook"


def test_nothing_configured_has_an_exit_code_of_its_own() -> None:
    code, said = run("--channel", "activity")
    assert code == 2
    assert "SLACK_ACTIVITY_CHANNEL" in said
