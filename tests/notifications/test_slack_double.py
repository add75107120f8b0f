"""From the stream to Slack, against the simulator's double of Slack: what arrives there, and when."""

from collections.abc import AsyncIterator, Callable

import pytest

from notifications.errors import SlackRefused
from notifications.lanes import Courier
from notifications.relay import Relay
from notifications.slack import SlackSender
from notifications.slack_blocks import Channel
from notifications.slack_messages import greeting
from notifications.slack_routes import SlackSettings
from simulator.slack import SlackDouble
from simulator.testing import RunningSimulator, running_simulator
from tests.notifications.fakes import NAMES, NOON_MS, FakeEntry, HandTime, Naps, breaker_entry, ended_entry, hold_entry

CHANNELS = {Channel.ALERT: "C0ALERT", Channel.ACTIVITY: "C0ACTIVITY"}


@pytest.fixture
async def simulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningSimulator]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with running_simulator() as it:
        yield it


@pytest.fixture
def double(simulator: RunningSimulator) -> SlackDouble:
    return simulator.world.slack


def bot(simulator: RunningSimulator) -> SlackSettings:
    return SlackSettings(bot_token="xoxb-simulated", channels=CHANNELS, api_url=f"{simulator.url}/slack/api/")


def webhook(simulator: RunningSimulator) -> SlackSettings:
    return SlackSettings(shared_webhook=f"{simulator.url}/slack/services/T0/B0/secret")


async def told(settings: SlackSettings, *entries: FakeEntry) -> SlackSender:
    """Publish each entry by itself, as a worker would, and wait until Slack has everything."""
    time, naps = HandTime(), Naps()
    sender = SlackSender(settings=settings, sleep=naps)
    courier = Courier(sender=sender, clock=time.clock, sleep=naps)
    courier.start()
    relay = Relay(messenger=courier)
    for entry in entries:
        await relay.publish([entry], names=NAMES)
    await courier.close()
    return sender


async def test_alerts_and_activity_reach_their_channels(simulator: RunningSimulator, double: SlackDouble) -> None:
    await told(bot(simulator), breaker_entry(), ended_entry())
    assert "Circuit open: alpha" in double.texts("C0ALERT")[0]
    assert "Request completed" in double.texts("C0ACTIVITY")[0]


async def test_one_webhook_takes_both_and_says_for_whom(simulator: RunningSimulator, double: SlackDouble) -> None:
    await told(webhook(simulator), breaker_entry(), hold_entry(entry_id="2-0"), ended_entry(entry_id="3-0"))
    digest = double.messages[-1].payload
    lines = [it["text"]["text"].partition("]")[0] for it in digest["blocks"][1:]]
    assert lines == ["[for alert", "[for alert", "[for activity"]


async def test_a_throttle_costs_a_pause_but_no_message(simulator: RunningSimulator, double: SlackDouble) -> None:
    double.fault("rate_limited", times=2)
    await told(bot(simulator), breaker_entry())
    assert len(double.messages) == 1


@pytest.mark.parametrize("error", ["channel_not_found", "is_archived", "token_revoked", "no_service"])
@pytest.mark.parametrize("settings", [bot, webhook])
async def test_a_dead_destination_is_asked_once_and_its_reason_kept(
    *, error: str, settings: Callable[[RunningSimulator], SlackSettings], simulator: RunningSimulator
) -> None:
    fault = simulator.world.slack.fault(error, times=100)
    sender = await told(settings(simulator), *(breaker_entry(gen=gen) for gen in range(1, 4)))
    assert fault.times == 99
    assert list(sender.disabled.values()) == [error]


async def test_after_a_dead_destination_nothing_more_is_asked(
    simulator: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    fault = simulator.world.slack.fault("no_service", times=100)
    sender = SlackSender(settings=webhook(simulator), sleep=Naps())
    for _ in range(5):
        with pytest.raises(SlackRefused):
            await sender.send(greeting(channel=Channel.ALERT, user="", at_ms=NOON_MS))
    assert fault.times == 99
    assert caplog.text.count("nothing more is sent") == 1


async def test_a_storm_arrives_as_a_few_messages(simulator: RunningSimulator, double: SlackDouble) -> None:
    await told(bot(simulator), *(breaker_entry(gen=gen) for gen in range(1, 100)))
    assert double.texts("C0ALERT") == ["99 messages at once"]
