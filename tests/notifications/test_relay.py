"""What the worker has recorded is put into the outbox, once, where it deserves a message."""

from collections.abc import Sequence

import pytest
from django.db import OperationalError

from notifications.kinds import Notice
from notifications.letters import Draft
from notifications.relay import Relay
from notifications.slack_messages import Audience, message_for
from tests.notifications.fakes import NAMES, FakeEntry, alert_entry, breaker_entry, ended_entry


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
def outbox() -> FakeOutbox:
    return FakeOutbox()


@pytest.fixture
def relay(outbox: FakeOutbox) -> Relay:
    return Relay(outbox=outbox, writers=[FakeWriter("slack")], user="U012AB3CD")


async def test_what_deserves_a_message_is_put_into_the_outbox_by_name(relay: Relay, outbox: FakeOutbox) -> None:
    await relay.publish([ended_entry()], names=NAMES)
    assert ":white_check_mark:" in outbox.letters[0].content["text"]


async def test_each_destination_gets_a_letter_of_its_own(outbox: FakeOutbox) -> None:
    relay = Relay(outbox=outbox, writers=[FakeWriter("slack"), FakeWriter("webhook")])
    await relay.publish([alert_entry()])
    assert [letter.sink for letter in outbox.letters] == ["slack", "webhook"]


async def test_bookkeeping_reaches_nobody(relay: Relay, outbox: FakeOutbox) -> None:
    await relay.publish([FakeEntry("lease.settled", {"pool": "p"})])
    assert outbox.letters == []


async def test_entries_delivered_again_are_put_under_the_same_name(relay: Relay, outbox: FakeOutbox) -> None:
    for _ in range(3):
        await relay.publish([breaker_entry(), alert_entry(entry_id="2-0"), ended_entry(entry_id="3-0")])
    assert len({letter.event for letter in outbox.letters}) == 2


async def test_the_database_s_trouble_is_the_worker_s(relay: Relay, outbox: FakeOutbox) -> None:
    outbox.trouble = OperationalError("away")
    with pytest.raises(OperationalError):
        await relay.publish([ended_entry()])
