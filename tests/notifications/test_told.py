from notifications.kinds import Notice
from notifications.told import Seen, Told
from notifications.translation import translate
from tests.notifications.fakes import (
    ALPHA,
    BRAVO,
    NOON_MS,
    POOL,
    FakeEntry,
    breaker_entry,
    ended_entry,
    hold_entry,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def notice_of(entry: FakeEntry) -> Notice:
    notice = translate(entry)
    assert notice is not None
    return notice


def outage_entry(*, entry_id: str = "1-0", at_ms: int = NOON_MS) -> FakeEntry:
    return FakeEntry("pool.outage", {"pool": POOL, "accounts": "3"}, id=entry_id, at_ms=at_ms)


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


def test_an_account_out_is_told_once_while_it_lasts() -> None:
    told = Told()
    assert told.worth_telling(notice_of(hold_entry()))
    assert not told.worth_telling(notice_of(hold_entry(at_ms=NOON_MS + MINUTE_MS, entry_id="2-0")))


def test_an_account_that_a_recheck_finds_still_out_is_not_told_again() -> None:
    told = Told()
    told.worth_telling(notice_of(hold_entry()))
    assert not told.worth_telling(notice_of(hold_entry(at_ms=NOON_MS + HOUR_MS + MINUTE_MS)))


def test_an_account_out_again_long_after_its_time_is_told_again() -> None:
    told = Told()
    told.worth_telling(notice_of(hold_entry()))
    assert told.worth_telling(notice_of(hold_entry(at_ms=NOON_MS + 2 * HOUR_MS)))


def test_an_account_out_for_another_reason_is_told() -> None:
    told = Told()
    told.worth_telling(notice_of(hold_entry()))
    assert told.worth_telling(notice_of(hold_entry(why="billing")))


def test_an_account_freed_and_out_again_is_told_again() -> None:
    told = Told()
    told.worth_telling(notice_of(hold_entry()))
    assert told.worth_telling(notice_of(FakeEntry("hold.cleared", {"pool": POOL, "account": ALPHA})))
    assert told.worth_telling(notice_of(hold_entry()))


def test_accounts_of_one_organization_are_out_together_and_told_once() -> None:
    told = Told()
    alpha = hold_entry(scope="organization", organization="org-1")
    bravo = hold_entry(scope="organization", organization="org-1", account=BRAVO)
    assert told.worth_telling(notice_of(alpha))
    assert not told.worth_telling(notice_of(bravo))


def test_an_outage_is_told_once_while_it_lasts() -> None:
    told = Told()
    assert told.worth_telling(notice_of(outage_entry()))
    assert not any(told.worth_telling(notice_of(outage_entry(at_ms=NOON_MS + it * MINUTE_MS))) for it in range(1, 30))


def test_an_outage_after_a_quiet_time_is_another_one() -> None:
    told = Told()
    told.worth_telling(notice_of(outage_entry()))
    assert told.worth_telling(notice_of(outage_entry(at_ms=NOON_MS + 5 * MINUTE_MS)))
