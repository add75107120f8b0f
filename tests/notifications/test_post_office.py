"""From the stream to Slack's double and a webhook, by many workers: what arrives there, how often, in which order."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from notifications.errors import Unavailable
from notifications.models import Letter, SinkState
from notifications.planning import Waiting
from notifications.post_office import PostOffice
from notifications.sinks import Sink, SlackSink, WebhookSettings, sinks_of
from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings
from notifications.webhook import signature
from simulator.slack import SlackDouble
from simulator.testing import RunningSimulator, running_simulator
from tests.notifications.fakes import (
    NAMES,
    FakeEntry,
    FakeSlack,
    HandClock,
    alert_entry,
    at_once,
    ended_entry,
    fake_slack,
    plain,
    progress_entry,
    started_entry,
)

pytestmark = pytest.mark.django_db(transaction=True)
CHANNELS = {Channel.ALERT: "C0ALERT", Channel.ACTIVITY: "C0ACTIVITY"}
SECRET = "0123456789abcdef" * 2


@pytest.fixture
async def simulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningSimulator]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with running_simulator() as it:
        yield it


@pytest.fixture
def double(simulator: RunningSimulator) -> SlackDouble:
    return simulator.world.slack


@pytest.fixture
async def hook(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeSlack]:
    async with fake_slack() as it:
        yield it


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def bot(simulator: RunningSimulator) -> SlackSettings:
    return SlackSettings(bot_token="xoxb-simulated", channels=CHANNELS, api_url=f"{simulator.url}/slack/api/")


def webhook(simulator: RunningSimulator) -> SlackSettings:
    return SlackSettings(shared_webhook=f"{simulator.url}/slack/services/T0/B0/secret")


def office_of(
    clock: HandClock, slack: SlackSettings | None = None, hook: WebhookSettings | None = None, do: Any = at_once
) -> PostOffice:
    sinks = sinks_of(slack or SlackSettings(), hook or WebhookSettings())
    return PostOffice(sinks=sinks, do=do, now=clock.now)


async def told(office: PostOffice, clock: HandClock, *entries: FakeEntry, apart_s: float = 20) -> None:
    """Publish each entry by itself, some time after the one before, and have everything delivered."""
    for entry in entries:
        await office.relay.publish([entry], names=NAMES)
        await office.deliver()
        clock.pass_by(apart_s)
    await office.deliver()


@sync_to_async
def why_off() -> dict[str, str]:
    return {it.name: it.why for it in SinkState.objects.exclude(disabled_at=None)}


async def test_alerts_and_activity_reach_their_channels(
    simulator: RunningSimulator, double: SlackDouble, clock: HandClock
) -> None:
    await told(office_of(clock, bot(simulator)), clock, alert_entry(), ended_entry())
    assert "alpha: 95 %" in double.texts("C0ALERT")[0]
    assert "Request completed" in double.texts("C0ACTIVITY")[0]


async def test_one_webhook_takes_both_and_says_for_whom(
    simulator: RunningSimulator, double: SlackDouble, clock: HandClock
) -> None:
    office = office_of(clock, webhook(simulator))
    await office.relay.publish([alert_entry(), ended_entry(entry_id="3-0")], names=NAMES)
    await office.deliver()
    lines = [it["text"]["text"].partition("]")[0] for it in double.messages[-1].payload["blocks"][1:]]
    assert lines == ["[for alert", "[for activity"]


async def test_a_request_is_told_in_a_thread_of_its_own(hook: FakeSlack, clock: HandClock) -> None:
    slack = SlackSettings(bot_token="xoxb-1", channels=CHANNELS, api_url=hook.api_url)
    await told(office_of(clock, slack), clock, started_entry(), progress_entry(), ended_entry())
    assert [post.get("thread_ts") for post in hook.posts] == [None, "1.2", "1.2"]


async def test_progress_comes_at_most_once_in_ten_seconds(hook: FakeSlack, clock: HandClock) -> None:
    slack = SlackSettings(bot_token="xoxb-1", channels=CHANNELS, api_url=hook.api_url)
    steps = [progress_entry(number=number) for number in range(1, 20)]
    await told(office_of(clock, slack), clock, started_entry(), *steps, apart_s=2)
    assert 3 <= len(hook.posts) - 1 <= 4  # in 38 seconds


async def test_a_webhook_of_slack_hears_only_of_ends(
    simulator: RunningSimulator, double: SlackDouble, clock: HandClock
) -> None:
    await told(office_of(clock, webhook(simulator)), clock, started_entry(), progress_entry(), ended_entry())
    assert len(double.messages) == 1


async def test_a_throttle_costs_a_pause_as_long_as_slack_says_but_no_message(
    simulator: RunningSimulator, double: SlackDouble, clock: HandClock
) -> None:
    double.fault("rate_limited", times=1, retry_after=7)
    office = office_of(clock, bot(simulator))
    await told(office, clock, alert_entry(), apart_s=6.9)
    assert not double.messages
    clock.pass_by(0.2)
    await office.deliver()
    assert len(double.messages) == 1


@pytest.mark.parametrize(
    ("error", "settings"),
    [("channel_not_found", bot), ("token_revoked", bot), ("no_service", webhook), ("channel_is_archived", webhook)],
)
async def test_a_dead_destination_is_asked_once_and_its_reason_kept(
    *,
    error: str,
    settings: Callable[[RunningSimulator], SlackSettings],
    simulator: RunningSimulator,
    double: SlackDouble,
    clock: HandClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = double.fault(error, times=100)
    await told(office_of(clock, settings(simulator)), clock, *(alert_entry(alert=str(it)) for it in range(3)))
    assert fault.times == 99
    assert [why.partition(":")[0] for why in (await why_off()).values()] == [error]
    assert caplog.text.count("nothing more is sent there") == 1


async def test_mended_settings_send_what_waited(
    simulator: RunningSimulator, double: SlackDouble, clock: HandClock
) -> None:
    double.fault("token_revoked", times=1)
    await told(office_of(clock, bot(simulator)), clock, alert_entry())
    mended = SlackSettings(bot_token="xoxb-new", channels=CHANNELS, api_url=f"{simulator.url}/slack/api/")
    await office_of(clock, mended).deliver()
    assert len(double.texts("C0ALERT")) == 1


async def test_a_message_that_slack_finds_fault_with_costs_only_itself(
    simulator: RunningSimulator, double: SlackDouble, clock: HandClock
) -> None:
    double.fault("invalid_blocks", times=1)
    await told(office_of(clock, bot(simulator)), clock, alert_entry(alert="1"), alert_entry(alert="2"))
    assert (len(double.messages), await why_off()) == (1, {})


async def test_the_webhook_is_signed_so_that_its_receiver_can_check(hook: FakeSlack, clock: HandClock) -> None:
    await told(office_of(clock, hook=WebhookSettings(hook.webhook, SECRET)), clock, alert_entry())
    (post,) = hook.posts
    headers = post["headers"]
    assert headers["X-Nubabel-Event"] == post["event"] == "alert:alert-1:1"
    assert headers["X-Nubabel-Signature"] == signature(
        SECRET, timestamp=int(headers["X-Nubabel-Timestamp"]), body=hook.bodies[0]
    )
    assert (post["data"]["type"], post["data"]["level"]) == ("alert_opened", "critical")


@pytest.mark.parametrize(("status", "off"), [(410, True), (404, True), (302, True), (503, False), (400, False)])
async def test_a_dead_webhook_is_switched_off_and_one_in_trouble_is_not(
    status: int, off: bool, hook: FakeSlack, clock: HandClock
) -> None:
    hook.replies = [plain(status)]
    await told(office_of(clock, hook=WebhookSettings(hook.webhook, SECRET)), clock, alert_entry())
    assert bool(await why_off()) is off


async def test_a_place_that_is_dead_leaves_the_others_alive(
    simulator: RunningSimulator, double: SlackDouble, hook: FakeSlack, clock: HandClock
) -> None:
    double.fault("token_revoked", times=100)
    await told(office_of(clock, bot(simulator), WebhookSettings(hook.webhook, SECRET)), clock, alert_entry())
    assert len(hook.posts) == 1


# Many workers


@dataclass
class Flaky:
    """A destination that does not answer now and then; what it did not answer it did not take."""

    inner: SlackSink
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def deliver(self, letters: Sequence[Waiting], /, *, unlisted: int, thread: str) -> str:
        if self.chance.random() < 0.2:
            raise Unavailable("timeout")
        return await self.inner.deliver(letters, unlisted=unlisted, thread=thread)


class Crew:
    """Sixteen workers, each with a database connection of its own, on one clock."""

    def __init__(self, *, clock: HandClock, settings: SlackSettings, size: int = 16) -> None:
        self._threads = [ThreadPoolExecutor(max_workers=1) for _ in range(size)]
        self.offices = [self._office(thread, clock, settings) for thread in self._threads]

    def _office(self, thread: ThreadPoolExecutor, clock: HandClock, settings: SlackSettings) -> PostOffice:
        async def do(work: Callable[[], Any]) -> Any:
            return await asyncio.get_running_loop().run_in_executor(thread, work)

        sinks: list[Sink] = [
            Flaky(sink) for sink in sinks_of(settings, WebhookSettings()) if isinstance(sink, SlackSink)
        ]
        return PostOffice(sinks=sinks, do=do, now=clock.now)

    async def deliver(self) -> None:
        await asyncio.gather(*(office.deliver() for office in self.offices))

    def dismiss(self) -> None:
        for thread in self._threads:
            thread.submit(connections.close_all)
            thread.shutdown()


def arrived(double: SlackDouble) -> list[str]:
    """The names of all transitions in the order in which Slack was told, alone or in a digest."""
    names: list[str] = []
    for message in double.messages:
        for block in message.payload["blocks"]:
            names += re.findall(r"transition (\d+ \d+)\b", block.get("text", {}).get("text", ""))
    return names


async def test_sixteen_workers_tell_each_of_500_transitions_once_and_in_order_over_faults_and_a_restart(
    simulator: RunningSimulator, double: SlackDouble, clock: HandClock
) -> None:
    rng = random.Random(11)
    entries = [
        alert_entry(alert=str(alert), number=number, title=f"transition {alert} {number}", entry_id=f"{alert}-{number}")
        for number in range(1, 6)
        for alert in range(100)
    ]
    crew = Crew(clock=clock, settings=bot(simulator))
    for start in range(0, len(entries), 50):
        batch = entries[start : start + 50]
        rng.shuffle(batch)  # other workers are faster
        work = [rng.sample(crew.offices, 2) for _ in range(5)]  # and everything is delivered to two of them
        parts = [batch[it * 10 : it * 10 + 10] for it in range(5)]
        await asyncio.gather(
            *(office.relay.publish(part, names=NAMES) for part, two in zip(parts, work, strict=True) for office in two)
        )
        double.fault(rng.choice(["rate_limited", "internal_error", "fatal_error"]), times=rng.randint(0, 2))
        await crew.deliver()
        clock.pass_by(1)
        if start == 250:
            crew.dismiss()
            crew = Crew(clock=clock, settings=bot(simulator))
    for _ in range(300):
        if not await Letter.objects.filter(state=Letter.WAITING).aexists():
            break
        clock.pass_by(30)
        await crew.deliver()
    crew.dismiss()
    names = arrived(double)
    assert len(names) == len(set(names)) == 500
    for alert in range(100):
        assert [it for it in names if it.startswith(f"{alert} ")] == [f"{alert} {number}" for number in range(1, 6)]
