"""A store that was wiped is not a store at zero; a clock that steps back does not turn time around."""

from collections.abc import Awaitable, Callable

import pytest

from quota.engine.errors import EngineEmpty
from quota.engine.types import Event, Lease, Settlement, Verdict
from tests.contract.stage import NOON, POOL, Stage, rpm

CALLS: dict[str, Callable[[Stage], Awaitable[object]]] = {
    "lease": lambda stage: stage.ask(),
    "renew": lambda stage: stage.engine.renew(POOL, "x", ttl_ms=1),
    "settle": lambda stage: stage.engine.settle(POOL, "x", Settlement(verdict=Verdict.SUCCESS)),
    "expire": lambda stage: stage.engine.expire(POOL),
    "snapshot": lambda stage: stage.engine.snapshot(POOL),
    "reset_breaker": lambda stage: stage.engine.reset_breaker(POOL, "alpha", actor="ann"),
    "force_open": lambda stage: stage.engine.force_open(POOL, "alpha", actor="ann"),
    "force_closed": lambda stage: stage.engine.force_closed(POOL, "alpha", actor="ann"),
    "clear_cooldown": lambda stage: stage.engine.clear_cooldown(POOL, "alpha", actor="ann"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_pool_never_loaded_is_said_to_be_empty(stage: Stage, call: str) -> None:
    with pytest.raises(EngineEmpty, match="configure"):
        await CALLS[call](stage)


@pytest.mark.parametrize("call", CALLS)
async def test_so_is_one_that_was_lost(stage: Stage, call: str) -> None:
    await stage.open("alpha")
    await stage.lose_everything()
    with pytest.raises(EngineEmpty):
        await CALLS[call](stage)


async def test_events_can_be_told_of_a_pool_that_is_not_loaded(stage: Stage) -> None:
    await stage.engine.emit(POOL, [Event("note", "one"), Event("note", "two")])
    assert [told["payload"] for told in await stage.told("note")] == ["one", "two"]


async def test_a_lost_pool_serves_again_once_it_is_configured(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.lose_everything()
    await stage.open("alpha")
    await stage.lease()


async def test_another_life_of_the_store_has_another_name(stage: Stage) -> None:
    await stage.open("alpha")
    before = await stage.lease()
    await stage.lose_everything()
    await stage.open("alpha")
    assert (await stage.lease()).epoch != before.epoch


@pytest.mark.parametrize("back", [1, 4_999, 5_000])
async def test_time_stands_still_while_the_clock_is_a_little_behind(stage: Stage, back: int) -> None:
    await stage.open("alpha")
    await stage.lease()
    stage.later(-back)
    assert (await stage.lease()).granted_ms == NOON
    stage.later(back + 1)
    assert (await stage.lease()).granted_ms == NOON + 1


async def test_a_clock_that_jumped_back_further_is_another_clock(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.lease()
    stage.later(-5_001)
    with pytest.raises(EngineEmpty):
        await stage.lease()


async def test_after_which_the_pool_can_be_loaded_by_the_new_clock(stage: Stage) -> None:
    await stage.open("alpha")
    stage.later(-3_600_000)
    assert await stage.configure("alpha")
    assert (await stage.lease()).granted_ms == NOON - 3_600_000


async def test_a_limit_is_not_widened_by_a_clock_that_steps_back_again_and_again(stage: Stage) -> None:
    await stage.open(rpm("alpha", 5))
    admitted = 0
    for index in range(60):
        stage.clock.now_ms = NOON + index * 1_000 - (3_000 if index % 2 else 0)
        admitted += isinstance(await stage.ask(), Lease)
    assert admitted == 5


async def test_a_leap_ahead_ends_leases_early_and_admits_no_more_than_that(stage: Stage) -> None:
    await stage.open(rpm("alpha", 2, max_concurrency=2))
    early = [await stage.lease(ttl_ms=60_000) for _ in range(2)]
    stage.later(3_600_000)
    assert not await stage.engine.renew(POOL, early[0].id, ttl_ms=60_000)
    for _ in range(2):
        await stage.lease()
    await stage.refusal()


async def test_it_answers_a_ping(stage: Stage) -> None:
    assert 0 <= await stage.engine.ping() < 5
