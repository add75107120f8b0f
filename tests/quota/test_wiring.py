"""One engine per event loop."""

import asyncio

import pytest

from quota.engine.api import Engine
from quota.wiring import close_engine, get_engine


async def test_a_loop_has_one_engine() -> None:
    assert get_engine() is get_engine()
    await close_engine()


def test_two_loops_have_two_engines() -> None:
    async def take() -> Engine:
        engine = get_engine()
        await close_engine()
        return engine

    assert asyncio.run(take()) is not asyncio.run(take())


async def test_after_closing_a_new_one_is_opened(redis_url: str) -> None:
    first = get_engine()
    await first.ping()
    await close_engine()
    assert get_engine() is not first
    assert await get_engine().ping() > 0
    await close_engine()


async def test_closing_what_was_never_opened_is_nothing() -> None:
    await close_engine()


def test_outside_of_a_loop_there_is_none() -> None:
    with pytest.raises(RuntimeError):
        get_engine()
