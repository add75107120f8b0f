"""One timer for all deadlines: each rings in its time, and those that are met cost nothing."""

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rounds import GRAIN_SECONDS, Alarm, Rounds, rounds


class Timer:
    def __init__(self, due, call):
        self.due, self.call, self.cancelled = due, call, False

    def cancel(self):
        self.cancelled = True


class Loop:
    """A loop whose time passes when told."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def time(self):
        return self.now

    def call_at(self, due, call):
        self.timers.append(Timer(due, call))
        return self.timers[-1]

    @property
    def waiting(self):
        return [timer for timer in self.timers if not timer.cancelled]

    def advance(self, seconds):
        until = self.now + seconds
        while due := sorted((timer for timer in self.waiting if timer.due <= until), key=lambda timer: timer.due):
            self.timers.remove(due[0])
            self.now = max(self.now, due[0].due)
            due[0].call()
        self.now = until


class Bell(Alarm):
    def __init__(self, loop):
        self.loop, self.rung = loop, []

    def ring(self):
        self.rung.append(self.loop.time())


@pytest.fixture
def loop():
    return Loop()


def bells(loop, number):
    return [Bell(loop) for _ in range(number)]


def test_an_alarm_rings_once_when_it_is_due(loop):
    (bell,) = bells(loop, 1)
    Rounds(loop).set(bell, 5.0)
    loop.advance(60)
    assert bell.rung == [5.0]


def test_one_that_is_cleared_does_not_ring(loop):
    (bell,) = bells(loop, 1)
    watch = Rounds(loop)
    watch.set(bell, 5.0)
    watch.clear(bell)
    loop.advance(60)
    assert bell.rung == []


def test_one_that_is_put_off_rings_later(loop):
    (bell,) = bells(loop, 1)
    watch = Rounds(loop)
    watch.set(bell, 5.0)
    loop.advance(4)
    watch.set(bell, 5.0)
    loop.advance(60)
    assert bell.rung == [9.0]


def test_an_earlier_one_does_not_wait_for_a_later_one(loop):
    late, soon = bells(loop, 2)
    watch = Rounds(loop)
    watch.set(late, 60.0)
    watch.set(soon, 1.0)
    loop.advance(2)
    assert (late.rung, soon.rung) == ([], [1.0])


def test_deadlines_that_are_met_share_one_timer(loop):
    watch = Rounds(loop)
    for bell in bells(loop, 100):
        watch.set(bell, 60.0)
        watch.clear(bell)
        loop.advance(0.1)
    assert len(loop.timers) == 1


def test_when_nothing_is_left_there_is_no_timer(loop):
    watch = Rounds(loop)
    for bell in bells(loop, 3):
        watch.set(bell, 1.0)
    loop.advance(60)
    assert loop.waiting == []


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=20))
def test_none_rings_early_and_none_much_late(seconds):
    loop: Any = Loop()
    watch, all_bells = Rounds(loop), bells(loop, len(seconds))
    for bell, after in zip(all_bells, seconds, strict=True):
        watch.set(bell, after)
    loop.advance(200)
    for bell, after in zip(all_bells, seconds, strict=True):
        assert len(bell.rung) == 1
        assert after <= bell.rung[0] <= after + 2 * GRAIN_SECONDS


def test_each_loop_has_rounds_of_its_own():
    async def own():
        return rounds()

    found = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(own())))
    thread.start()
    thread.join()
    assert asyncio.run(own()) is not found[0]


async def test_within_a_loop_they_are_the_same():
    assert rounds() is rounds()
