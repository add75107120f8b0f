"""Destinations in the admin site: what is wrong with one, a test message, another chance."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from notifications import outbox
from notifications.models import SinkState
from tests.notifications.fakes import FakeSlack, fake_slack, plain
from tests.notifications.test_outbox import draft

pytestmark = pytest.mark.django_db
LIST = "admin:notifications_sinkstate_changelist"
NAME = "Slack, alert webhook"


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


@pytest.fixture(autouse=True)
def _known() -> None:
    outbox.register({NAME: "settings-1"})


def act(client: Client, action: str) -> str:
    chosen = {"action": action, "_selected_action": [NAME]}
    return client.post(reverse(LIST), chosen, follow=True).content.decode()


def test_a_test_message_that_arrives_switches_the_destination_on_again(slack: FakeSlack, admin_client: Client) -> None:
    outbox.switch_off(NAME, why="no_service", now=timezone.now())
    assert "the alert test message has arrived" in act(admin_client, "send_test")
    assert (len(slack.posts), SinkState.objects.get().disabled_at) == (1, None)


def test_one_that_does_not_says_precisely_why(slack: FakeSlack, admin_client: Client) -> None:
    slack.replies = [plain(404, "no_service")]
    assert "no_service – the webhook was deleted or disabled: make a new one" in act(admin_client, "send_test")


def test_a_destination_that_is_configured_no_more_is_told(admin_client: Client) -> None:
    assert "nothing is configured for it any more" in act(admin_client, "send_test")


def test_a_person_may_switch_it_on_without_a_test(admin_client: Client) -> None:
    outbox.switch_off(NAME, why="no_service", now=timezone.now())
    assert "1 switched on again" in act(admin_client, "switch_on")


def test_the_list_says_why_a_destination_is_off_and_what_waits(admin_client: Client) -> None:
    outbox.put([draft()], now=timezone.now())
    outbox.switch_off(NAME, why="no_service: make a new one", now=timezone.now())
    assert "no_service: make a new one" in admin_client.get(reverse(LIST)).content.decode()


def test_letters_are_there_to_be_read(admin_client: Client) -> None:
    outbox.put([draft()], now=timezone.now())
    assert "alert:1:1" in admin_client.get(reverse("admin:notifications_letter_changelist")).content.decode()


def test_charlie_who_may_only_look_sends_nothing(slack: FakeSlack, client: Client) -> None:
    charlie = User.objects.create_user("charlie", is_staff=True)
    charlie.user_permissions.add(Permission.objects.get(codename="view_sinkstate"))
    client.force_login(charlie, backend="django.contrib.auth.backends.ModelBackend")
    act(client, "send_test")
    assert not slack.posts
