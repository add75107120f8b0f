"""Settling: truth for estimate, once."""

import pytest

from quota.engine.types import Event, Settled, Settlement, Verdict
from tests.contract.stage import NOON, POOL, Stage


async def test_the_truth_replaces_the_estimate(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=100, cost=50)
    assert await stage.settle(lease, tokens=30, cost=70) == Settled(changed=True, late=False, account="alpha")
    state = await stage.look()
    assert (state.day_tokens, state.day_cost, state.month_tokens, state.month_cost) == (30, 70, 30, 70)
    assert (state.reserved_tokens, state.reserved_cost, state.in_flight) == (0, 0, 0)


async def test_while_a_call_runs_its_estimate_is_reserved_and_nothing_used(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.lease(tokens=100, cost=50)
    state = await stage.look()
    assert (state.reserved_tokens, state.reserved_cost, state.in_flight) == (100, 50, 1)
    assert (state.day_tokens, state.day_cost, state.day_requests) == (0, 0, 1)


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_settling_twice_changes_nothing(stage: Stage, verdict: Verdict) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=100)
    await stage.settle(lease, verdict, tokens=30)
    state, told = await stage.look(), await stage.all_told()
    assert await stage.settle(lease, Verdict.FAILURE, tokens=500) == Settled(changed=False)
    assert (await stage.look(), await stage.all_told()) == (state, told)


async def test_settling_what_was_never_granted_changes_nothing(stage: Stage) -> None:
    await stage.open("alpha")
    before = await stage.look()
    assert not (await stage.engine.settle(POOL, "nobody", Settlement(verdict=Verdict.FAILURE, tokens=9))).changed
    assert (await stage.look(), await stage.all_told()) == (before, [])


async def test_its_own_grant_sent_along_does_not_charge_it_twice(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=10)
    for _ in range(2):
        await stage.settle(lease, tokens=10, granted=lease)
    assert (await stage.look()).day_tokens == 10


async def test_a_call_never_sent_leaves_no_trace_in_any_counter(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.lease(tokens=100, cost=9), Verdict.NEUTRAL, sent=False, tokens=55, cost=5)
    state = await stage.look()
    assert (state.day_requests, state.month_requests, state.minute_requests) == (0, 0, 0)
    assert (state.day_tokens, state.day_cost, state.month_tokens, state.month_cost) == (0, 0, 0, 0)


async def test_a_call_sent_counts_as_a_request_whatever_came_back(stage: Stage) -> None:
    await stage.open("alpha")
    for verdict in (Verdict.SUCCESS, Verdict.FAILURE, Verdict.ALIVE, Verdict.NEUTRAL):
        await stage.call("alpha", verdict)
    assert (await stage.look()).day_requests == 4


async def test_it_is_told_with_estimate_and_truth(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=100, cost=50)
    stage.later(1_000)
    await stage.settle(lease, Verdict.ALIVE, tokens=30, cost=70, note="the record")
    assert await stage.told("lease.settled") == [
        {
            "pool": POOL,
            "lease": lease.id,
            "account": "alpha",
            "day": str(lease.day),
            "verdict": "alive",
            "tokens": "30",
            "cost": "70",
            "est_tokens": "100",
            "est_cost": "50",
            "late": "0",
            "sent": "1",
            "granted_ms": str(NOON),
            "organization": "",
            "note": "the record",
            "client": "",
        }
    ]


async def test_the_callers_events_follow_in_their_order(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.lease(), events=(Event("first", "1"), Event("second", "2")))
    assert [kind for kind, _ in await stage.all_told()] == ["lease.settled", "first", "second"]


async def test_a_lease_settled_is_gone_and_its_id_asks_anew(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease()
    await stage.settle(lease)
    stage.later(5)
    assert (await stage.lease(lease_id=lease.id)).granted_ms == NOON + 5


async def test_large_sums_are_told_to_the_last_digit(stage: Stage) -> None:
    cost = 8_999_999_999_999_999
    await stage.open("alpha")
    await stage.settle(await stage.lease(cost=cost), cost=cost)
    (told,) = await stage.told("lease.settled")
    assert (told["cost"], told["est_cost"], (await stage.look()).day_cost) == (str(cost), str(cost), cost)
