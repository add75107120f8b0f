import asyncio
from typing import Any

import pytest

from notifications.relay import AT_ONCE, LIVE_GROUP, LIVE_MESSAGE, Relay
from notifications.slack_blocks import SlackMessage
from tests.notifications.fakes import NAMES, FakeEntry, breaker_entry, ended_entry, hold_entry


class FakeLayer:
    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.trouble: Exception | None = None

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.trouble:
            raise self.trouble
        self.sent.append((group, message))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, message in self.sent for event in message["events"]]


class FakeMessenger:
    def __init__(self) -> None:
        self.messages: list[SlackMessage] = []

    def offer(self, message: SlackMessage) -> None:
        self.messages.append(message)


@pytest.fixture
def layer() -> FakeLayer:
    return FakeLayer()


@pytest.fixture
def messenger() -> FakeMessenger:
    return FakeMessenger()


@pytest.fixture
def relay(layer: FakeLayer, messenger: FakeMessenger) -> Relay:
    return Relay(layer=layer, messenger=messenger, user="U012AB3CD")


async def test_events_reach_the_live_group_in_their_order(relay: Relay, layer: FakeLayer) -> None:
    await relay.publish([breaker_entry(), ended_entry()], names=NAMES)
    assert layer.sent[0][0] == LIVE_GROUP
    assert layer.sent[0][1]["type"] == LIVE_MESSAGE
    assert [it["type"] for it in layer.events] == ["breaker_opened", "agent_completed"]


async def test_what_deserves_a_message_is_handed_to_slack_by_name(relay: Relay, messenger: FakeMessenger) -> None:
    await relay.publish([breaker_entry()], names=NAMES)
    assert "alpha" in messenger.messages[0].text


async def test_bookkeeping_reaches_nobody(relay: Relay, layer: FakeLayer, messenger: FakeMessenger) -> None:
    await relay.publish([FakeEntry("lease.settled", {"pool": "p"})])
    assert (layer.sent, messenger.messages) == ([], [])


async def test_entries_delivered_again_are_told_once(relay: Relay, layer: FakeLayer, messenger: FakeMessenger) -> None:
    for _ in range(3):
        await relay.publish([breaker_entry(), hold_entry(entry_id="2-0"), ended_entry(entry_id="3-0")])
    assert len(layer.events) == len(messenger.messages) == 3


async def test_repeated_signs_of_one_trouble_are_seen_live_but_told_once(
    relay: Relay, layer: FakeLayer, messenger: FakeMessenger
) -> None:
    await relay.publish([hold_entry(entry_id=f"{number}-0") for number in range(5)])
    assert (len(layer.events), len(messenger.messages)) == (5, 1)


async def test_opened_and_recovered_are_both_told(relay: Relay, messenger: FakeMessenger) -> None:
    await relay.publish([breaker_entry(gen=1), breaker_entry(gen=2, to="half_open"), breaker_entry(gen=3, to="closed")])
    assert [it.text.split(":")[1] for it in messenger.messages] == ["red_circle", "large_green_circle"]


async def test_without_slack_the_live_view_still_hears(layer: FakeLayer) -> None:
    await Relay(layer=layer, messenger=None).publish([breaker_entry()])
    assert len(layer.events) == 1


@pytest.mark.parametrize("trouble", [ConnectionError("redis is down"), TimeoutError(), ValueError("full")])
async def test_a_channel_layer_in_trouble_is_counted_and_stops_nothing(
    trouble: Exception, relay: Relay, layer: FakeLayer, messenger: FakeMessenger
) -> None:
    layer.trouble = trouble
    await relay.publish([breaker_entry()])
    assert (relay.undelivered, len(messenger.messages)) == (1, 1)


async def test_a_channel_layer_that_hangs_holds_up_nobody_for_long(messenger: FakeMessenger) -> None:
    class Hanging:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            await asyncio.Event().wait()

    relay = Relay(layer=Hanging(), messenger=messenger, layer_deadline_s=0.01)
    await relay.publish([breaker_entry()])
    assert relay.undelivered == 1


async def test_a_flood_leaves_in_portions(relay: Relay, layer: FakeLayer) -> None:
    await relay.publish([breaker_entry(gen=number) for number in range(2 * AT_ONCE + 1)])
    assert [len(message["events"]) for _, message in layer.sent] == [AT_ONCE, AT_ONCE, 1]
