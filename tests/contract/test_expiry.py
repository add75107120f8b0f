"""A lease whose holder died: its estimate is charged, the fact is told, a late settlement corrects it."""

from quota.engine.types import Account, Metric, Settled, Verdict, Window
from tests.contract.stage import NOON, POOL, Stage, limited

DAY_MS = 86_400_000


async def die(stage: Stage, **request: object) -> str:
    """A lease of 100 tokens that nobody settles; its id."""
    lease = await stage.lease(tokens=100, cost=50, ttl_ms=10_000, note="who", **request)
    stage.later(10_000)
    await stage.engine.expire(POOL)
    return lease.id


async def test_it_lives_up_to_the_last_millisecond(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.lease(ttl_ms=10_000)
    stage.later(9_999)
    assert await stage.engine.expire(POOL) == 0
    stage.later(1)
    assert await stage.engine.expire(POOL) == 1
    assert await stage.engine.expire(POOL) == 0


async def test_then_no_lease_is_left_and_nothing_reserved(stage: Stage) -> None:
    await stage.open("alpha")
    await die(stage)
    state = await stage.look()
    assert (state.in_flight, state.reserved_tokens, state.reserved_cost) == (0, 0, 0)
    assert (await stage.engine.snapshot(POOL)).leases == 0


async def test_its_estimate_is_charged_because_the_call_may_have_been_billed(stage: Stage) -> None:
    await stage.open("alpha")
    await die(stage)
    state = await stage.look()
    assert (state.day_requests, state.day_tokens, state.day_cost, state.month_tokens) == (1, 100, 50, 100)


async def test_it_is_told_with_the_note_of_its_holder(stage: Stage) -> None:
    await stage.open("alpha")
    name = await die(stage)
    assert await stage.told("lease.expired") == [
        {
            "pool": POOL,
            "lease": name,
            "account": "alpha",
            "day": str(NOON // DAY_MS),
            "tokens": "100",
            "cost": "50",
            "granted_ms": str(NOON),
            "note": "who",
            "client": "",
        }
    ]


async def test_the_next_lease_notices_without_being_told_to(stage: Stage) -> None:
    await stage.open(Account(id="alpha", max_concurrency=1))
    await stage.lease(ttl_ms=10_000)
    stage.later(10_000)
    await stage.lease()
    assert len(await stage.told("lease.expired")) == 1


async def test_a_late_settlement_corrects_what_was_charged(stage: Stage) -> None:
    await stage.open("alpha")
    name = await die(stage)
    settled = await stage.settle(await stage.lease(lease_id=name), tokens=30, cost=70)
    assert settled == Settled(changed=True, late=True, account="alpha")
    state = await stage.look()
    assert (state.day_requests, state.day_tokens, state.day_cost, state.in_flight) == (1, 30, 70, 0)


async def test_a_late_settlement_that_says_never_sent_gives_everything_back(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.REQUESTS, Window.MINUTE, 1)))
    name = await die(stage)
    await stage.settle(await stage.lease(lease_id=name), Verdict.NEUTRAL, sent=False)
    state = await stage.look()
    assert (state.day_requests, state.day_tokens, state.minute_requests) == (0, 0, 0)


async def test_a_late_settlement_is_told_as_late_with_the_estimate_it_corrects(stage: Stage) -> None:
    await stage.open("alpha")
    name = await die(stage)
    await stage.settle(await stage.lease(lease_id=name), tokens=30, cost=70)
    (told,) = await stage.told("lease.settled")
    assert (told["late"], told["tokens"], told["est_tokens"], told["est_cost"]) == ("1", "30", "100", "50")


async def test_a_second_late_settlement_changes_nothing(stage: Stage) -> None:
    await stage.open("alpha")
    name = await die(stage)
    lease = await stage.lease(lease_id=name)
    await stage.settle(lease, tokens=30)
    assert not (await stage.settle(lease, tokens=99)).changed
    assert (await stage.look()).day_tokens == 30


async def test_the_verdict_of_a_late_settlement_counts_in_the_generation_it_was_lent_under(stage: Stage) -> None:
    await stage.open("alpha")
    name = await die(stage)
    await stage.settle(await stage.lease(lease_id=name), Verdict.FAILURE)
    assert (await stage.look()).failures == 1


async def test_after_a_day_nobody_remembers_it(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=100, ttl_ms=10_000)
    stage.later(10_000)
    await stage.engine.expire(POOL)
    stage.later(DAY_MS)
    assert not (await stage.settle(lease, tokens=30)).changed
    assert (await stage.look()).month_tokens == 100


async def test_a_millisecond_earlier_somebody_does(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=100, ttl_ms=10_000)
    stage.later(10_000)
    await stage.engine.expire(POOL)
    stage.later(DAY_MS - 1)
    assert (await stage.settle(lease, tokens=30)).late
    assert (await stage.look()).month_tokens == 30


async def test_one_that_outlived_its_day_is_charged_to_that_day_alone(stage: Stage) -> None:
    stage.at(2026, 9, 15, 23, 59, 55)
    await stage.open("alpha")
    await die(stage)
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens) == (0, 100)


async def test_they_expire_in_the_order_of_their_deadlines(stage: Stage) -> None:
    await stage.open("alpha")
    for name, ttl in (("slow", 3_000), ("fast", 1_000), ("middle", 2_000)):
        await stage.lease(lease_id=name, ttl_ms=ttl)
    stage.later(3_000)
    assert await stage.engine.expire(POOL) == 3
    assert [told["lease"] for told in await stage.told("lease.expired")] == ["fast", "middle", "slow"]
