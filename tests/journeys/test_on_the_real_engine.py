"""The same loop on Redis: nothing of what is promised depends on which engine stands behind it."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from django.conf import settings

from quota.engine.facade import open_engine
from quota.engine.types import BreakerState, PoolSettings, Strategy
from quota.records import ActivityEnded
from tests.journeys.pool import POOL, pool_over, world_of
from tests.journeys.test_the_sdk_over_the_pool import BAD_AND_GOOD, HELLO, MODEL, troubled_world


@pytest.fixture
async def engine():
    engine = open_engine(settings.REDIS_URL)
    yield engine
    await engine.close()


async def ask(claude, **options):
    return await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO, **options)


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_hundred_requests_over_three_bad_and_two_good_accounts_all_succeed(engine, strategy):
    rules = PoolSettings(version=1, strategy=strategy)
    async with pool_over(troubled_world(), settings=rules, engine=engine) as pool, pool.client() as claude:
        for _ in range(100):
            assert (await ask(claude)).content
        assert len(pool.told("activity.completed")) == 100
        snapshot = await engine.snapshot(POOL)
        assert snapshot.leases == 0
        assert sum(state.day_tokens for state in snapshot.accounts.values()) == sum(
            account.tokens for account in pool.world.accounts.values()
        )


async def test_forty_requests_over_five_idle_accounts_land_eight_times_on_each(engine):
    async with pool_over(world_of(*"abcde"), engine=engine) as pool, pool.client() as claude:
        for _ in range(40):
            await ask(claude)
        assert [account.requests for account in pool.world.accounts.values()] == [8] * 5


async def test_concurrent_requests_and_streams_leave_nothing_behind(engine):
    async with pool_over(troubled_world(), engine=engine, wait_ms=3_000) as pool, pool.client() as claude:

        async def streamed():
            async with claude.messages.stream(model=MODEL, max_tokens=20, messages=HELLO) as stream:
                return await stream.get_final_message()

        answers = await asyncio.gather(*(work() for work in [lambda: ask(claude), streamed] * 20))
        assert all(answer.content for answer in answers)
        assert (await engine.snapshot(POOL)).leases == 0


async def test_the_breaker_of_an_account_that_keeps_failing_opens(engine):
    async with pool_over(troubled_world(), engine=engine) as pool, pool.client() as claude:
        for _ in range(40):
            await ask(claude)
        states = (await engine.snapshot(POOL)).accounts
        assert states["c-broken"].breaker is BreakerState.OPEN
        assert states["c-broken"].breaker_why == "http 500 api_error"
        assert pool.world.accounts["c-broken"].requests == 5
        assert {states[name].breaker for name in BAD_AND_GOOD[3:]} == {BreakerState.CLOSED}


async def test_sessions_stay_where_they_are(engine):
    async with pool_over(world_of(*"abc"), engine=engine) as pool:
        for session in ("one", "two", "three"):
            async with pool.client(session=session, principal="team") as claude:
                raw = [
                    await claude.messages.with_raw_response.create(model=MODEL, max_tokens=20, messages=HELLO)
                    for _ in range(4)
                ]
            assert len({answer.headers["nubabel-account"] for answer in raw}) == 1


async def test_a_dead_key_is_taken_out_and_the_caller_never_hears_of_it(engine):
    world = world_of("alpha", "beta")
    world.always("alpha", "invalid_key")
    async with pool_over(world, engine=engine) as pool, pool.client() as claude:
        for _ in range(6):
            await ask(claude)
        assert pool.world.accounts["alpha"].requests == 1
        assert (await engine.snapshot(POOL)).accounts["alpha"].holds


async def test_accounts_of_one_organization_cool_down_together(engine):
    world = world_of("alone")
    for name in ("left", "right"):
        world.add_account(name, organization="shared")
    async with pool_over(world, engine=engine) as pool, pool.client() as claude:
        for _ in range(6):
            await ask(claude)  # the organizations are learned from the answers
        before = {name: account.requests for name, account in pool.world.accounts.items()}
        pool.world.fault("throttle", account="left", retry_after=60)
        for _ in range(6):
            await ask(claude)
        after = {name: account.requests for name, account in pool.world.accounts.items()}
        assert after["right"] - before["right"] <= 1
        assert after["left"] - before["left"] == 1


@pytest.fixture
async def frozen(start_valkey):
    """A pool of one account whose Redis stops answering after its first request."""
    server = start_valkey()
    engine = open_engine(server.url)

    @asynccontextmanager
    async def pool(rules):
        async with pool_over(world_of("alpha"), engine=engine, settings=rules) as pool, pool.client() as claude:
            await ask(claude)
            os.kill(server.pid, signal.SIGSTOP)
            try:
                yield claude
            finally:
                os.kill(server.pid, signal.SIGCONT)

    yield pool
    await engine.close()


async def test_a_frozen_redis_costs_a_third_of_a_second_and_the_pool_serves_on(frozen):
    async with frozen(PoolSettings(version=1)) as claude:
        begun = time.perf_counter()
        assert (await ask(claude)).content
        assert time.perf_counter() - begun <= 0.35


async def test_a_frozen_redis_costs_a_third_of_a_second_and_the_pool_refuses_if_told_so(frozen):
    async with frozen(PoolSettings(version=1, serve_degraded=False)) as claude:
        begun = time.perf_counter()
        with pytest.raises(anthropic.InternalServerError) as caught:
            await ask(claude)
        assert (caught.value.status_code, time.perf_counter() - begun <= 0.35) == (503, True)


CACHED = {"type": "ephemeral"}
LONG: Any = [{"role": "user", "content": [{"type": "text", "text": "Read. " * 3_000, "cache_control": CACHED}]}]


async def test_a_session_that_has_to_move_tells_from_where_and_what_the_cache_cost(engine):
    async with pool_over(world_of("alpha", "beta"), engine=engine) as pool:
        async with pool.client(session="one") as claude:
            for _ in range(2):
                await claude.messages.create(model=MODEL, max_tokens=20, messages=LONG)
            (before,) = {ActivityEnded.from_json(said).account for said in pool.told("activity.completed")}
            await engine.force_open(POOL, before, actor="ann")
            answer = await claude.messages.create(model=MODEL, max_tokens=20, messages=LONG)
        stayed, moved = (ActivityEnded.from_json(said) for said in pool.told("activity.completed")[1:])
    assert (stayed.usage.cache_write_5m_tokens, stayed.moved_from, stayed.move_cost_nano) == (0, "", 0)
    assert (moved.moved_from, moved.account != before) == (before, True)
    assert moved.move_cost_nano == answer.usage.cache_creation_input_tokens * (2_500 - 100) > 0
