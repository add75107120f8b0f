import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import OperationalError

from notifications.kinds import Notice
from notifications.letters import Draft
from notifications.relay import AT_ONCE, LIVE_GROUP, LIVE_MESSAGE, Relay
from notifications.slack_messages import Audience, message_for
from tests.notifications.fakes import NAMES, FakeEntry, alert_entry, breaker_entry, ended_entry


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


class FakeOutbox:
    def __init__(self) -> None:
        self.letters: list[Draft] = []
        self.trouble: Exception | None = None

    async def put(self, letters: Sequence[Draft]) -> None:
        if self.trouble:
            raise self.trouble
        self.letters += letters


class FakeWriter:
    def __init__(self, name: str) -> None:
        self.name = name

    def content(self, notice: Notice, *, audience: Audience) -> dict[str, str] | None:
        message = message_for(notice, audience=audience)
        return {"text": message.text} if message else None


@pytest.fixture
def layer() -> FakeLayer:
    return FakeLayer()


@pytest.fixture
def outbox() -> FakeOutbox:
    return FakeOutbox()


@pytest.fixture
def relay(layer: FakeLayer, outbox: FakeOutbox) -> Relay:
    return Relay(layer=layer, outbox=outbox, writers=[FakeWriter("slack")], user="U012AB3CD")


async def test_events_reach_the_live_group_in_their_order(relay: Relay, layer: FakeLayer) -> None:
    await relay.publish([breaker_entry(), ended_entry()], names=NAMES)
    assert layer.sent[0][0] == LIVE_GROUP
    assert layer.sent[0][1]["type"] == LIVE_MESSAGE
    assert [it["type"] for it in layer.events] == ["breaker_opened", "agent_completed"]


async def test_what_deserves_a_message_is_put_into_the_outbox_by_name(relay: Relay, outbox: FakeOutbox) -> None:
    await relay.publish([ended_entry()], names=NAMES)
    assert ":white_check_mark:" in outbox.letters[0].content["text"]


async def test_each_destination_gets_a_letter_of_its_own(layer: FakeLayer, outbox: FakeOutbox) -> None:
    relay = Relay(layer=layer, outbox=outbox, writers=[FakeWriter("slack"), FakeWriter("webhook")])
    await relay.publish([alert_entry()])
    assert [letter.sink for letter in outbox.letters] == ["slack", "webhook"]


async def test_bookkeeping_reaches_nobody(relay: Relay, layer: FakeLayer, outbox: FakeOutbox) -> None:
    await relay.publish([FakeEntry("lease.settled", {"pool": "p"})])
    assert (layer.sent, outbox.letters) == ([], [])


async def test_entries_delivered_again_are_shown_once_and_put_under_the_same_name(
    relay: Relay, layer: FakeLayer, outbox: FakeOutbox
) -> None:
    for _ in range(3):
        await relay.publish([breaker_entry(), alert_entry(entry_id="2-0"), ended_entry(entry_id="3-0")])
    assert len(layer.events) == 3
    assert len({letter.event for letter in outbox.letters}) == 2


async def test_an_outbox_in_trouble_is_heard_of_and_nothing_counts_as_shown(
    relay: Relay, layer: FakeLayer, outbox: FakeOutbox
) -> None:
    outbox.trouble = OperationalError("away")
    with pytest.raises(OperationalError):
        await relay.publish([alert_entry()])
    outbox.trouble = None
    await relay.publish([alert_entry()])
    assert (len(layer.events), len(outbox.letters)) == (1, 1)


async def test_without_destinations_the_live_view_still_hears(layer: FakeLayer, outbox: FakeOutbox) -> None:
    await Relay(layer=layer, outbox=outbox).publish([alert_entry()])
    assert (len(layer.events), outbox.letters) == (1, [])


@pytest.mark.parametrize("trouble", [ConnectionError("redis is down"), TimeoutError(), ValueError("full")])
async def test_a_channel_layer_in_trouble_is_counted_and_stops_nothing(
    trouble: Exception, relay: Relay, layer: FakeLayer, outbox: FakeOutbox
) -> None:
    layer.trouble = trouble
    await relay.publish([alert_entry()])
    assert (relay.undelivered, len(outbox.letters)) == (1, 1)


async def test_a_channel_layer_that_hangs_holds_up_nobody_for_long(outbox: FakeOutbox) -> None:
    class Hanging:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            await asyncio.Event().wait()

    relay = Relay(layer=Hanging(), outbox=outbox, layer_deadline_s=0.01)
    await relay.publish([breaker_entry()])
    assert relay.undelivered == 1


async def test_a_flood_leaves_in_portions(relay: Relay, layer: FakeLayer) -> None:
    await relay.publish([breaker_entry(gen=number) for number in range(2 * AT_ONCE + 1)])
    assert [len(message["events"]) for _, message in layer.sent] == [AT_ONCE, AT_ONCE, 1]
