from notifications.kinds import Notice
from notifications.told import Seen
from notifications.translation import translate
from tests.notifications.fakes import BRAVO, NOON_MS, FakeEntry, breaker_entry, ended_entry, hold_entry

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def notice_of(entry: FakeEntry) -> Notice:
    notice = translate(entry)
    assert notice is not None
    return notice


def test_a_transition_of_one_generation_is_new_once_whatever_its_id() -> None:
    seen = Seen()
    assert seen.first_time(notice_of(breaker_entry(entry_id="1-0")))
    assert not seen.first_time(notice_of(breaker_entry(entry_id="2-0")))


def test_the_next_generation_is_new() -> None:
    seen = Seen()
    assert seen.first_time(notice_of(breaker_entry(gen=1)))
    assert seen.first_time(notice_of(breaker_entry(gen=4)))


def test_another_account_of_the_same_generation_is_new() -> None:
    seen = Seen()
    assert seen.first_time(notice_of(breaker_entry()))
    assert seen.first_time(notice_of(breaker_entry(account=BRAVO)))


def test_a_generation_counted_again_after_the_store_was_lost_is_new() -> None:
    seen = Seen()
    first = breaker_entry()
    assert seen.first_time(notice_of(first))
    assert seen.first_time(notice_of(FakeEntry("breaker", first.fields, id="9-0", at_ms=NOON_MS + HOUR_MS)))


def test_a_request_ends_once() -> None:
    seen = Seen()
    assert seen.first_time(notice_of(ended_entry(entry_id="1-0")))
    assert not seen.first_time(notice_of(ended_entry(entry_id="2-0")))


def test_every_hold_is_seen_live_but_each_entry_once() -> None:
    seen = Seen()
    assert seen.first_time(notice_of(hold_entry(entry_id="1-0")))
    assert seen.first_time(notice_of(hold_entry(entry_id="2-0")))
    assert not seen.first_time(notice_of(hold_entry(entry_id="2-0")))


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    seen = Seen(capacity=2)
    for gen in (1, 2, 3):
        seen.first_time(notice_of(breaker_entry(gen=gen)))
    assert seen.first_time(notice_of(breaker_entry(gen=1)))
    assert not seen.first_time(notice_of(breaker_entry(gen=3)))
