"""One timer for many waits must bound each of them, and nothing else."""

import asyncio

import pytest

from gateway.watchdog import Watchdog


async def outlast(*seconds):
    """Wait for longer than the last of these allows."""
    with Watchdog() as watchdog:
        for allowed in seconds:
            watchdog.begin(allowed)
        await asyncio.sleep(5)


async def test_a_wait_that_outlasts_its_time_is_ended():
    with pytest.raises(TimeoutError):
        await outlast(0.01)


async def test_waits_are_timed_each_by_itself():
    with Watchdog() as watchdog:
        for _ in range(4):
            watchdog.begin(0.05)
            await asyncio.sleep(0.02)
            watchdog.end()


async def test_between_two_waits_any_time_may_pass():
    with Watchdog() as watchdog:
        watchdog.begin(0.01)
        watchdog.end()
        await asyncio.sleep(0.03)


async def test_a_shorter_wait_after_a_longer_one_is_bounded_too():
    with pytest.raises(TimeoutError):
        await outlast(60, 0.01)


async def test_who_is_cancelled_by_somebody_else_is_cancelled():
    task = asyncio.create_task(outlast(60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_it_the_task_goes_on_as_if_never_cancelled():
    task = asyncio.current_task()
    with pytest.raises(TimeoutError):
        await outlast(0.01)
    assert task is not None
    assert task.cancelling() == 0
