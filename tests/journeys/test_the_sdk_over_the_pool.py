"""The official SDK works over the pool as it does directly, and never notices which account answered."""

from typing import Any

import anthropic
import pytest

from quota.records import ActivityEnded
from tests.journeys.pool import POOL, pool_over, world_of

MODEL = "claude-sonnet-5-5"
HELLO: Any = [{"role": "user", "content": "Hello"}]
BAD_AND_GOOD = ("a-overloaded", "b-throttled", "c-broken", "d-good", "e-good")


def troubled_world():
    world = world_of(*BAD_AND_GOOD)
    world.always("a-overloaded", "overloaded")
    world.always("b-throttled", "throttle", retry_after=2)
    world.always("c-broken", "internal")
    return world


async def leases(pool):
    return (await pool.engine.snapshot(POOL)).leases


async def test_a_hundred_requests_over_three_bad_and_two_good_accounts_all_succeed():
    async with pool_over(troubled_world()) as pool, pool.client() as claude:
        for _ in range(100):
            message = await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
            assert message.content[0].text
        assert len(pool.told("activity.completed")) == 100
        assert pool.told("activity.failed") == []
        assert await leases(pool) == 0


async def test_a_streamed_answer_arrives_whole():
    async with pool_over(troubled_world()) as pool, pool.client() as claude:
        for _ in range(5):
            async with claude.messages.stream(model=MODEL, max_tokens=50, messages=HELLO) as stream:
                text = "".join([piece async for piece in stream.text_stream])
                final = await stream.get_final_message()
            assert text == final.content[0].text
            assert final.stop_reason in {"end_turn", "max_tokens"}
        assert len(pool.told("activity.completed")) == 5
        assert await leases(pool) == 0


async def test_what_the_caller_sees_as_usage_is_what_the_ledger_is_told():
    async with pool_over(world_of("alpha")) as pool, pool.client() as claude:
        async with claude.messages.stream(model=MODEL, max_tokens=50, messages=HELLO) as stream:
            usage = (await stream.get_final_message()).usage
        ended = ActivityEnded.from_json(pool.told("activity.completed")[0])
        assert (ended.usage.input_tokens, ended.usage.output_tokens) == (usage.input_tokens, usage.output_tokens)
        assert pool.world.accounts["alpha"].cost == ended.cost_nano
        state = (await pool.engine.snapshot(POOL)).accounts["alpha"]
        assert (state.day_tokens, state.day_cost) == (ended.usage.total, ended.cost_nano)


async def test_tools_work():
    tool = {"name": "weather", "description": "The weather", "input_schema": {"type": "object", "properties": {}}}
    async with pool_over(world_of("alpha", "beta")) as pool, pool.client() as claude:
        message = await claude.messages.create(
            model=MODEL, max_tokens=200, messages=HELLO, tools=[tool], tool_choice={"type": "tool", "name": "weather"}
        )
        assert [block.name for block in message.content if block.type == "tool_use"] == ["weather"]


async def test_counting_tokens_costs_nothing():
    async with pool_over(world_of("alpha")) as pool, pool.client() as claude:
        count = await claude.messages.count_tokens(model=MODEL, messages=HELLO)
        assert count.input_tokens > 0
        state = (await pool.engine.snapshot(POOL)).accounts["alpha"]
        assert (state.day_requests, state.day_tokens, state.day_cost) == (1, 0, 0)


async def test_a_raw_response_names_the_activity_and_the_account():
    async with pool_over(world_of("alpha")) as pool, pool.client() as claude:
        raw = await claude.messages.with_raw_response.create(model=MODEL, max_tokens=20, messages=HELLO)
        assert raw.headers["nubabel-account"] == "alpha"
        assert raw.headers["nubabel-activity"] == pool.runs[0].call.activity
        assert raw.request_id.startswith("req_")


async def test_the_callers_own_mistake_comes_back_as_anthropic_says_it():
    world = world_of("alpha", "beta")
    world.always(None, "bad_request")
    async with pool_over(world) as pool, pool.client() as claude:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
        assert caught.value.type == "invalid_request_error"
        assert len(pool.world.exchanges) == 1
        assert await leases(pool) == 0
