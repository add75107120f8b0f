"""A batch's bill: charged to the account, the key and the pool, once, and told to the ledger."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.batches.bills import Batch, lease_id, settlements
from gateway.batches.results import Part
from quota.engine.memory import MemoryEngine
from quota.engine.types import Account, Client, Limit, Metric, PoolSettings, Window
from quota.records import ActivityEnded, ActivityStarted, AttemptRecord, TokenUsage
from tests.gateway.cast import NOON, POOL

NOW = datetime.fromtimestamp(NOON / 1_000, tz=UTC)
COST_A_DAY = Limit(Metric.COST, Window.DAY, 1_000)
ALICE = Client("alice", (COST_A_DAY,))
BATCH = Batch("msgbatch_1", "alpha", POOL, "alice", NOW - timedelta(hours=3), NOW - timedelta(minutes=1))
SONNET = Part("claude-sonnet-5-5", 2, TokenUsage(input_tokens=30, output_tokens=10), cost_nano=700)
OPUS = Part("claude-opus-5-5", 1, TokenUsage(input_tokens=5, output_tokens=5), cost_nano=200)


@pytest.fixture
async def engine():
    engine = MemoryEngine(clock=lambda: NOON)
    settings = PoolSettings(version=1, limits=(COST_A_DAY,))
    await engine.configure(POOL, settings, [Account("alpha", limits=(COST_A_DAY,)), Account("beta")])
    return engine


async def charge(engine, *parts, batch=BATCH):
    return [
        await engine.settle(POOL, lease_id(batch, number), settlement)
        for number, settlement in enumerate(settlements(batch, parts), start=1)
    ]


async def test_the_account_that_did_it_is_charged(engine):
    await charge(engine, SONNET, OPUS)
    accounts = (await engine.snapshot(POOL)).accounts
    assert (accounts["alpha"].day_tokens, accounts["alpha"].day_cost) == (50, 900)
    assert accounts["beta"].day_tokens == 0


async def test_the_key_and_the_whole_pool_are_charged_too(engine):
    await charge(engine, SONNET)
    seen = await engine.snapshot(POOL, clients=[ALICE])
    assert [limit.used for limit in (*seen.clients["alice"].limits, *seen.whole.limits)] == [700, 700]


async def test_a_batch_that_was_charged_is_not_charged_again(engine):
    await charge(engine, SONNET)
    (again,) = await charge(engine, SONNET)
    assert not again.changed
    assert (await engine.snapshot(POOL)).accounts["alpha"].day_cost == 700


async def test_it_is_charged_whatever_limits_say(engine):
    await charge(engine, Part("claude-opus-5-5", 1, TokenUsage(output_tokens=9), cost_nano=9_000))
    assert (await engine.snapshot(POOL)).accounts["alpha"].day_cost == 9_000


async def test_what_ended_yesterday_is_not_todays(engine):
    old = Batch("msgbatch_2", "alpha", POOL, "alice", NOW - timedelta(days=2), NOW - timedelta(days=1))
    await charge(engine, SONNET, batch=old)
    seen = (await engine.snapshot(POOL)).accounts["alpha"]
    assert (seen.day_cost, seen.month_cost) == (0, 700)


async def test_no_breaker_and_no_place_is_moved(engine):
    before = (await engine.snapshot(POOL)).accounts["alpha"]
    await charge(engine, SONNET)
    after = (await engine.snapshot(POOL)).accounts["alpha"]
    assert (after.in_flight, after.breaker, after.generation) == (0, before.breaker, before.generation)


def test_a_batch_that_used_nothing_has_no_bill():
    assert settlements(BATCH, ()) == ()


def test_the_bill_is_one_activity_with_a_call_for_each_model():
    first, last = settlements(BATCH, (OPUS, SONNET))
    started = ActivityStarted.from_json(first.events[0].payload)
    ended = ActivityEnded.from_json(last.events[-1].payload)
    assert (len(first.events), len(last.events)) == (1, 1)
    assert (started.activity, started.source, started.access_key) == (BATCH.activity, "batch", "alice")
    assert (ended.activity, ended.cost_nano, ended.usage.total, len(ended.attempts)) == (BATCH.activity, 900, 50, 2)
    assert "msgbatch_1" in ended.decision[0]


def test_each_call_names_the_batch_in_place_of_a_request():
    (settlement,) = settlements(BATCH, (SONNET,))
    record = AttemptRecord.from_json(settlement.note)
    assert (record.request_id, record.model, record.cost_nano) == ("msgbatch_1", "claude-sonnet-5-5", 700)


def test_the_activity_of_a_batch_is_always_the_same():
    assert BATCH.activity == Batch("msgbatch_1", "beta", POOL, "", NOW, NOW).activity
