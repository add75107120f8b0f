"""Letters in the outbox: kept once, taken by one, ended in one way."""

from datetime import timedelta

import pytest

from notifications import outbox
from notifications.letters import QUIET_MS, Draft
from notifications.models import Letter, SinkState
from tests.notifications.fakes import NOON_MS, HandClock

pytestmark = pytest.mark.django_db
SLACK = "Slack, alert webhook"


@pytest.fixture(autouse=True)
def _known() -> None:
    outbox.register({SLACK: "settings-1"})


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def draft(event: str = "alert:1:1", *, lasting: bool = True, at_ms: int = NOON_MS, quiet_ms: int = 0) -> Draft:
    thread = event.rpartition(":")[0]
    return Draft(SLACK, event, thread, {"text": event}, at_ms, lasting=lasting, quiet_ms=quiet_ms)


def state() -> SinkState:
    return SinkState.objects.get(pk=SLACK)


def deliver(clock: HandClock, *, holder: str = "me", due_s: float = 0.0) -> list[str]:
    """Take what waits and say that it has arrived."""
    batch = outbox.take(SLACK, holder=holder, now=clock.now())
    if batch is None:
        return []
    due_at = clock.now() + timedelta(seconds=due_s)
    ids = [it.id for it in batch.waiting]
    outbox.sent(SLACK, ids, handle="1.0", unlisted=batch.unlisted, now=clock.now(), due_at=due_at)
    return [it.event for it in batch.waiting]


def test_an_event_has_one_letter_however_often_it_is_put(clock: HandClock) -> None:
    for _ in range(3):
        outbox.put([draft()], now=clock.now())
    assert deliver(clock) == ["alert:1:1"]
    outbox.put([draft()], now=clock.now())
    assert deliver(clock) == []


def test_one_worker_holds_a_destination_at_a_time(clock: HandClock) -> None:
    outbox.put([draft()], now=clock.now())
    assert outbox.take(SLACK, holder="alice", now=clock.now())
    assert outbox.take(SLACK, holder="bob", now=clock.now()) is None


def test_a_holder_that_died_is_followed_and_nothing_is_lost(clock: HandClock) -> None:
    outbox.put([draft()], now=clock.now())
    outbox.take(SLACK, holder="alice", now=clock.now())
    clock.pass_by(outbox.HELD_FOR.total_seconds() + 1)
    assert deliver(clock, holder="bob") == ["alert:1:1"]


def test_a_destination_is_left_alone_until_its_time(clock: HandClock) -> None:
    outbox.put([draft("alert:1:1")], now=clock.now())
    deliver(clock, due_s=1)
    outbox.put([draft("alert:2:1")], now=clock.now())
    assert deliver(clock) == []
    clock.pass_by(1)
    assert deliver(clock) == ["alert:2:1"]


def test_what_is_postponed_says_why_and_goes_later(clock: HandClock) -> None:
    outbox.put([draft()], now=clock.now())
    outbox.postpone(SLACK, why="HTTP 503", until=clock.now() + timedelta(seconds=5))
    assert (deliver(clock), state().why, state().failures) == ([], "HTTP 503", 1)
    clock.pass_by(5)
    assert (deliver(clock), state().why, state().failures) == (["alert:1:1"], "", 0)


def test_a_destination_switched_off_keeps_its_letters_and_the_reason(clock: HandClock) -> None:
    outbox.put([draft()], now=clock.now())
    assert [outbox.switch_off(SLACK, why="no_service", now=clock.now()) for _ in range(2)] == [True, False]
    assert (deliver(clock), state().why) == ([], "no_service")
    assert outbox.switch_on(SLACK)
    assert deliver(clock) == ["alert:1:1"]


def test_other_settings_switch_it_on_and_the_same_do_not(clock: HandClock) -> None:
    outbox.switch_off(SLACK, why="no_service", now=clock.now())
    outbox.register({SLACK: "settings-1"})
    assert state().disabled_at
    outbox.register({SLACK: "settings-2"})
    assert state().disabled_at is None


def test_a_flood_of_requests_is_bounded_counted_and_told(clock: HandClock) -> None:
    flood = [draft(f"activity:{number}:ended", lasting=False) for number in range(outbox.CAPACITY + 10)]
    outbox.put(flood, now=clock.now())
    assert (Letter.objects.count(), state().unlisted) == (outbox.CAPACITY, 10)
    deliver(clock)
    assert state().unlisted == 0


def test_a_flood_of_requests_pushes_no_alert_out(clock: HandClock) -> None:
    outbox.put([draft(f"activity:{number}:ended", lasting=False) for number in range(300)], now=clock.now())
    outbox.put([draft("alert:1:1")], now=clock.now())
    assert Letter.objects.filter(event="alert:1:1").exists()


def test_further_signs_of_one_trouble_are_no_news(clock: HandClock) -> None:
    for minute in range(30):
        at_ms = NOON_MS + minute * 60_000
        outbox.put([draft(f"outage:pool:{minute}", at_ms=at_ms, quiet_ms=QUIET_MS)], now=clock.now())
    assert Letter.objects.count() == 1


def test_the_same_trouble_after_a_quiet_time_is_another_one(clock: HandClock) -> None:
    for at_ms in (NOON_MS, NOON_MS + QUIET_MS + 1):
        outbox.put([draft(f"outage:pool:{at_ms}", at_ms=at_ms, quiet_ms=QUIET_MS)], now=clock.now())
    assert Letter.objects.count() == 2


def test_what_waited_for_days_is_given_up_visibly(clock: HandClock) -> None:
    outbox.put([draft()], now=clock.now())
    outbox.tidy(now=clock.now() + outbox.GIVEN_UP_AFTER + timedelta(seconds=1))
    assert (Letter.objects.get().state, Letter.objects.get().why) == ("failed", "could not be delivered for two days")


def test_what_was_sent_long_ago_is_forgotten(clock: HandClock) -> None:
    outbox.put([draft("alert:1:1"), draft("activity:1:ended", lasting=False)], now=clock.now())
    deliver(clock)
    outbox.tidy(now=clock.now() + outbox.BUSY_FORGOTTEN_AFTER + timedelta(seconds=1))
    assert [it.event for it in Letter.objects.all()] == ["alert:1:1"]
    outbox.tidy(now=clock.now() + outbox.FORGOTTEN_AFTER + timedelta(seconds=1))
    assert not Letter.objects.exists()


def test_of_a_thread_that_is_looked_at_all_is_seen_however_much_waits(clock: HandClock) -> None:
    """What comes before may have been put after: by another worker, when hundreds of other letters were waiting."""
    outbox.put([draft("alert:late:2")], now=clock.now())
    outbox.put([draft(f"alert:{number}:1") for number in range(outbox.LOOKED_AT)], now=clock.now())
    outbox.put([draft("alert:late:1")], now=clock.now())
    batch = outbox.take(SLACK, holder="me", now=clock.now())
    assert batch is not None
    assert {"alert:late:1", "alert:late:2"} <= {letter.event for letter in batch.waiting}
