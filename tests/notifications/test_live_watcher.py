import asyncio

import pytest

from notifications.live.feed import KEPT
from notifications.live.watcher import FellBehind, Over
from tests.notifications.fakes import ALPHA, BRAVO
from tests.notifications.live_makers import batch, channel, kinds_and_ids, picture, watcher


def test_who_comes_hears_what_happened_lately_and_sees_all_numbers() -> None:
    assert kinds_and_ids(watcher(channel(1, 2, 3), recent=2).opening()) == ["2-0", "3-0", "snapshot"]


def test_nothing_of_what_happened_lately_may_be_wanted() -> None:
    assert kinds_and_ids(watcher(channel(1, 2), recent=0).opening()) == ["snapshot"]


def test_who_comes_back_hears_all_that_was_missed() -> None:
    it = watcher(channel(1, 2, 3), recent=1, last_event_id="1-0")
    assert (kinds_and_ids(it.opening()), it.missed) == (["2-0", "3-0", "snapshot"], False)


def test_who_missed_too_much_is_told_so_first() -> None:
    it = watcher(channel(5, 6, after=5), last_event_id="2-0")
    assert (kinds_and_ids(it.opening()), it.missed) == (["reload", "5-0", "6-0", "snapshot"], True)


async def test_news_are_heard_once() -> None:
    of = channel(1)
    it = watcher(of)
    it.opening()
    of.hear(batch(2))
    assert kinds_and_ids(await it.next(within=1)) == ["2-0"]
    assert await it.next(within=0.001) == []


async def test_news_wake_who_waits() -> None:
    of = channel()
    it = watcher(of)
    it.opening()
    waiting = asyncio.create_task(it.next(within=10))
    await asyncio.sleep(0)
    of.hear(batch(1))
    assert kinds_and_ids(await waiting) == ["1-0"]


async def test_numbers_that_moved_ten_times_are_seen_once() -> None:
    of = channel()
    it = watcher(of)
    it.opening()
    for count in range(10):
        of.show(picture({ALPHA: {"in_flight": count + 1}}))
    (seen,) = await it.next(within=1)
    assert '"in_flight":10' in seen.text


async def test_how_far_it_has_come_counts_what_it_did_not_want() -> None:
    of = channel(1)
    it = watcher(of, types=frozenset({"outage"}))
    it.opening()
    of.hear(batch(2, 3))
    assert (await it.next(within=1), it.position) == ([], "3-0")


def test_who_reads_too_slowly_has_fallen_behind() -> None:
    of = channel()
    it = watcher(of)
    it.opening()
    of.hear(batch(*range(1, KEPT + 2)))
    with pytest.raises(FellBehind):
        it.news()


def test_when_the_channel_ends_it_is_over() -> None:
    of = channel()
    it = watcher(of)
    of.end()
    with pytest.raises(Over):
        it.news()


def test_an_account_may_be_called_by_its_name() -> None:
    of = channel()
    of.show(picture({ALPHA: {"in_flight": 0}, BRAVO: {"in_flight": 0}}))
    (seen,) = watcher(of, account="bravo").opening()
    assert (BRAVO in seen.text, ALPHA in seen.text) == (True, False)
