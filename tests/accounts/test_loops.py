"""What belongs to an event loop ends with it."""

import asyncio

from asgiref.sync import async_to_sync

from accounts.loops import PerLoop


class Opened:
    closed = 0

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


def per_loop() -> PerLoop[Opened]:
    return PerLoop(make=Opened, close=lambda opened: opened.close())


async def test_a_loop_has_one() -> None:
    held = per_loop()
    assert held.get() is held.get()
    await held.close()


def test_each_loop_has_its_own_and_leaves_nothing_behind() -> None:
    held = per_loop()

    async def use() -> Opened:
        return held.get()

    first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    assert (first.closed, second.closed, len(held)) == (1, 1, 0)


def test_the_loop_that_sync_code_borrows_leaves_nothing_behind_either() -> None:
    held = per_loop()

    async def use() -> Opened:
        return held.get()

    assert (async_to_sync(use)().closed, len(held)) == (1, 0)


async def test_closed_by_hand_it_is_closed_once_and_made_anew() -> None:
    held = per_loop()
    first = held.get()
    await held.close()
    await held.close()
    assert (first.closed, held.get() is first) == (1, False)
    await held.close()
