import pytest

from notifications.relay import Relay
from notifications.slack_blocks import SlackMessage
from tests.notifications.fakes import NAMES, FakeEntry, breaker_entry, ended_entry, hold_entry


class FakeMessenger:
    def __init__(self) -> None:
        self.messages: list[SlackMessage] = []

    def offer(self, message: SlackMessage) -> None:
        self.messages.append(message)


@pytest.fixture
def messenger() -> FakeMessenger:
    return FakeMessenger()


@pytest.fixture
def relay(messenger: FakeMessenger) -> Relay:
    return Relay(messenger=messenger, user="U012AB3CD")


async def test_what_deserves_a_message_is_handed_to_slack_by_name(relay: Relay, messenger: FakeMessenger) -> None:
    await relay.publish([breaker_entry()], names=NAMES)
    assert "alpha" in messenger.messages[0].text


async def test_bookkeeping_reaches_nobody(relay: Relay, messenger: FakeMessenger) -> None:
    await relay.publish([FakeEntry("lease.settled", {"pool": "p"})])
    assert messenger.messages == []


async def test_entries_delivered_again_are_told_once(relay: Relay, messenger: FakeMessenger) -> None:
    for _ in range(3):
        await relay.publish([breaker_entry(), hold_entry(entry_id="2-0"), ended_entry(entry_id="3-0")])
    assert len(messenger.messages) == 3


async def test_repeated_signs_of_one_trouble_are_told_once(relay: Relay, messenger: FakeMessenger) -> None:
    await relay.publish([hold_entry(entry_id=f"{number}-0") for number in range(5)])
    assert len(messenger.messages) == 1


async def test_opened_and_recovered_are_both_told(relay: Relay, messenger: FakeMessenger) -> None:
    await relay.publish([breaker_entry(gen=1), breaker_entry(gen=2, to="half_open"), breaker_entry(gen=3, to="closed")])
    assert [it.text.split(":")[1] for it in messenger.messages] == ["red_circle", "large_green_circle"]


async def test_without_slack_nobody_is_told() -> None:
    await Relay(messenger=None).publish([breaker_entry()], names=NAMES)
