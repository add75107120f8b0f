"""What people say wins over what the breaker finds out, until people say otherwise."""

from collections.abc import Awaitable, Callable

import pytest

from quota.engine.api import Engine
from quota.engine.errors import UnknownAccount
from quota.engine.types import NEVER, BreakerMode, BreakerState, Reason, Verdict
from tests.contract.stage import OPEN_MS, POOL, Stage

ORDERS: dict[str, Callable[[Engine, str], Awaitable[None]]] = {
    "force_open": lambda engine, name: engine.force_open(POOL, name, actor="ann"),
    "force_closed": lambda engine, name: engine.force_closed(POOL, name, actor="ann"),
    "reset": lambda engine, name: engine.reset_breaker(POOL, name, actor="ann"),
    "clear": lambda engine, name: engine.clear_cooldown(POOL, name, actor="ann"),
}


async def test_forced_open_refuses_whatever_happens(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.engine.force_open(POOL, "alpha", actor="ann", why="maintenance")
    (block,) = (await stage.refusal()).blocks
    assert (block.reason, block.until_ms, block.detail) == (Reason.FORCED_OPEN, NEVER, "maintenance")


async def test_no_timer_ends_forced_open(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    await stage.engine.force_open(POOL, "alpha", actor="ann")
    stage.later(OPEN_MS * 10)
    assert (await stage.refusal()).retry_at_ms == NEVER


async def test_forced_closed_is_used_whatever_its_calls_bring_home(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.engine.force_closed(POOL, "alpha", actor="ann")
    await stage.fail("alpha", 50)
    await stage.lease()


async def test_forced_closed_uses_an_account_whose_breaker_is_open(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    await stage.engine.force_closed(POOL, "alpha", actor="ann")
    assert not (await stage.lease()).probe


async def test_forced_closed_lets_many_through_where_half_open_let_one(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.half_open()
    await stage.engine.force_closed(POOL, "alpha", actor="ann")
    await stage.lease()
    await stage.lease()


async def test_reset_closes_and_returns_to_automatic(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    await stage.engine.force_open(POOL, "alpha", actor="ann")
    await stage.engine.reset_breaker(POOL, "alpha", actor="bob")
    state = await stage.look()
    assert (state.breaker, state.mode, state.failures) == (BreakerState.CLOSED, BreakerMode.AUTO, 0)
    await stage.trip()


async def test_reset_begins_a_new_generation_so_that_older_calls_count_no_more(stage: Stage) -> None:
    await stage.open("alpha")
    old = [await stage.lease() for _ in range(5)]
    await stage.engine.reset_breaker(POOL, "alpha", actor="ann")
    for lease in old:
        await stage.settle(lease, Verdict.FAILURE)
    assert (await stage.look()).failures == 0


async def test_calls_under_way_go_on_and_are_charged_when_their_account_is_forced_open(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=10)
    await stage.engine.force_open(POOL, "alpha", actor="ann")
    assert (await stage.settle(lease, tokens=7)).changed
    assert (await stage.look()).day_tokens == 7


@pytest.mark.parametrize("order", ["force_open", "force_closed", "reset"])
async def test_every_order_is_told_with_who_gave_it(stage: Stage, order: str) -> None:
    await stage.open("alpha")
    await ORDERS[order](stage.engine, "alpha")
    (told,) = await stage.told("breaker")
    assert (told["account"], told["actor"], told["gen"]) == ("alpha", "ann", "1")


async def test_the_mode_is_told_with_its_reason(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.engine.force_open(POOL, "alpha", actor="ann", why="audit")
    (told,) = await stage.told("breaker")
    assert (told["mode"], told["from"], told["to"], told["why"]) == ("forced_open", "closed", "closed", "audit")


@pytest.mark.parametrize("order", ORDERS)
async def test_an_order_about_a_stranger_is_an_error(stage: Stage, order: str) -> None:
    await stage.open("alpha")
    with pytest.raises(UnknownAccount, match="nobody"):
        await ORDERS[order](stage.engine, "nobody")
