import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from notifications.errors import SlackMessageInvalid, SlackRefused, SlackUnavailable
from notifications.lanes import CAPACITY, INTERVAL_S, Courier
from notifications.slack_blocks import Channel, SlackMessage
from tests.notifications.fakes import FakeSender, HandTime, settle


def message(text: str, *, channel: Channel = Channel.ALERT) -> SlackMessage:
    return SlackMessage(channel, text, ({"type": "section", "text": {"type": "mrkdwn", "text": text}},))


@pytest.fixture
def time() -> HandTime:
    return HandTime()


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
async def courier(sender: FakeSender, time: HandTime) -> AsyncIterator[Courier]:
    it = Courier(sender=sender, clock=time.clock, sleep=time.sleep)
    it.start()
    yield it
    await it.close(drain_s=0)


async def test_a_single_message_leaves_at_once(courier: Courier, sender: FakeSender) -> None:
    courier.offer(message("one"))
    await settle()
    assert [it.text for it in sender.sent] == ["one"]


async def test_what_gathers_within_the_pace_leaves_as_one_digest(
    courier: Courier, sender: FakeSender, time: HandTime
) -> None:
    courier.offer(message("one"))
    await settle()
    for text in ("two", "three"):
        courier.offer(message(text))
    await time.pass_by(INTERVAL_S - 0.01)
    assert len(sender.sent) == 1
    await time.pass_by(0.01)
    assert [it.text for it in sender.sent] == ["one", "2 messages at once"]


async def test_kinds_that_share_a_place_share_its_pace(courier: Courier, sender: FakeSender) -> None:
    courier.offer(message("alert"))
    await settle()
    courier.offer(message("activity", channel=Channel.ACTIVITY))
    await settle()
    assert [it.text for it in sender.sent] == ["alert"]


async def test_places_of_their_own_do_not_wait_for_each_other(time: HandTime) -> None:
    sender = FakeSender(apart=True)
    courier = Courier(sender=sender, clock=time.clock, sleep=time.sleep)
    courier.start()
    courier.offer(message("alert"))
    courier.offer(message("activity", channel=Channel.ACTIVITY))
    await courier.close()
    assert {it.text for it in sender.sent} == {"alert", "activity"}


async def test_a_full_lane_drops_the_oldest_counts_them_and_says_so_once(
    courier: Courier, sender: FakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(CAPACITY + 10):
        courier.offer(message(f"message {number}"))
    await settle()
    assert courier.dropped == 10
    assert sender.sent[0].text == f"{CAPACITY + 10} messages at once"
    assert [it.getMessage() for it in caplog.records].count(
        "slack: more messages than can be sent; the oldest are dropped"
    ) == 1


async def test_a_flood_of_requests_pushes_no_alert_out(courier: Courier, sender: FakeSender) -> None:
    courier.offer(message("the alert"))
    for number in range(2 * CAPACITY):
        courier.offer(message(f"request {number}", channel=Channel.ACTIVITY))
    await settle()
    assert "the alert" in str(sender.sent[0].blocks)


@pytest.mark.parametrize("trouble", [SlackUnavailable("HTTP 503"), SlackMessageInvalid("no_text"), ValueError("bug")])
async def test_a_lost_message_is_logged_and_the_next_one_goes(
    *, trouble: Exception, courier: Courier, sender: FakeSender, time: HandTime, caplog: pytest.LogCaptureFixture
) -> None:
    sender.trouble = trouble
    courier.offer(message("lost"))
    await settle()
    sender.trouble = None
    courier.offer(message("next"))
    await time.pass_by(INTERVAL_S)
    assert [it.text for it in sender.sent] == ["next"]
    assert "a message was lost" in caplog.text


async def test_a_place_switched_off_fills_no_log(
    courier: Courier, sender: FakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    sender.trouble = SlackRefused("no_service")
    courier.offer(message("lost"))
    await settle()
    assert not [it for it in caplog.records if it.levelno >= logging.WARNING]


async def test_closing_sends_what_still_waits(sender: FakeSender, time: HandTime) -> None:
    courier = Courier(sender=sender, clock=time.clock, sleep=time.sleep)
    courier.offer(message("last"))
    courier.start()
    await courier.close()
    assert [it.text for it in sender.sent] == ["last"]


async def test_closing_does_not_wait_for_a_slack_that_hangs(time: HandTime, caplog: pytest.LogCaptureFixture) -> None:
    class Hanging(FakeSender):
        async def send(self, message: SlackMessage) -> None:  # type: ignore[override]
            await asyncio.Event().wait()

    courier = Courier(sender=Hanging(), clock=time.clock, sleep=time.sleep)  # type: ignore[arg-type]
    courier.start()
    courier.offer(message("stuck"))
    await courier.close(drain_s=0.01)
    assert "stopped with messages still waiting" in caplog.text
