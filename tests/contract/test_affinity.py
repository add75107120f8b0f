"""A session stays on its account while that serves well enough; a move is recorded."""

import pytest

from quota.engine.types import Account, Strategy
from tests.contract.stage import POOL, Stage, rpm


async def test_a_session_stays_where_it_began(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    first = await stage.lease(session="s")
    later = [await stage.lease(session="s") for _ in range(8)]
    assert {lease.account for lease in later} == {first.account}
    assert not first.sticky
    assert all(lease.sticky for lease in later)


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_it_does_so_under_every_strategy(stage: Stage, strategy: Strategy) -> None:
    await stage.open("alpha", "bravo", "charlie", strategy=strategy)
    assert len({await stage_call(stage) for _ in range(12)}) == 1


async def stage_call(stage: Stage) -> str:
    lease = await stage.lease(session="s")
    await stage.settle(lease)
    return lease.account


async def test_sessions_are_spread_like_requests(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    accounts = [(await stage.lease(session=f"s-{index}")).account for index in range(9)]
    assert sorted(accounts) == sorted(["alpha", "bravo", "charlie"] * 3)


async def test_requests_without_a_session_are_not_moved_by_it(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    own = (await stage.lease(session="s")).account
    assert (await stage.lease()).account != own


async def test_it_moves_when_its_account_cannot_serve_and_says_from_where(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    own = (await stage.lease(session="s")).account
    await stage.engine.force_open(POOL, own, actor="ann")
    moved = await stage.lease(session="s")
    assert (moved.account != own, moved.sticky, moved.moved_from) == (True, False, own)


async def test_once_moved_it_stays_where_it_is(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    own = (await stage.lease(session="s")).account
    await stage.engine.force_open(POOL, own, actor="ann")
    moved = await stage.lease(session="s")
    await stage.engine.reset_breaker(POOL, own, actor="ann")
    again = await stage.lease(session="s")
    assert (again.account, again.sticky, again.moved_from) == (moved.account, True, "")


async def test_an_account_already_tried_is_left_too(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    own = (await stage.lease(session="s")).account
    assert (await stage.lease(session="s", tried=(own,))).moved_from == own


async def test_it_stays_while_its_account_is_only_a_little_fuller_than_the_best(stage: Stage) -> None:
    await stage.open(rpm("alpha", 100), rpm("bravo", 100), affinity_margin_ppm=250_000)
    accounts = {(await stage.lease(session="s")).account for _ in range(26)}  # at the last one: 25 % against none
    assert len(accounts) == 1


async def test_it_moves_when_its_account_is_much_fuller_than_the_best(stage: Stage) -> None:
    await stage.open(rpm("alpha", 100), rpm("bravo", 100), affinity_margin_ppm=250_000)
    own = (await stage.lease(session="s")).account
    for _ in range(25):
        await stage.lease(session="s")
    moved = await stage.lease(session="s")
    assert (moved.moved_from, moved.account != own) == (own, True)


async def test_a_session_is_forgotten_after_its_time_and_that_is_no_move(stage: Stage) -> None:
    await stage.open("alpha", "bravo", affinity_ttl_ms=60_000)
    own = (await stage.lease(session="s")).account
    await stage.lease(only="bravo" if own == "alpha" else "alpha")
    await stage.engine.force_open(POOL, own, actor="ann")
    stage.later(60_000)
    lease = await stage.lease(session="s")
    assert (lease.moved_from, lease.sticky) == ("", False)


async def test_each_request_makes_it_last_longer(stage: Stage) -> None:
    await stage.open("alpha", "bravo", affinity_ttl_ms=60_000)
    await stage.lease(session="s")
    for _ in range(3):
        stage.later(59_999)
        assert (await stage.lease(session="s")).sticky


async def test_switched_off_it_does_nothing(stage: Stage) -> None:
    await stage.open("alpha", "bravo", affinity=False)
    served = [await stage_call(stage) for _ in range(4)]
    assert sorted(served) == ["alpha", "alpha", "bravo", "bravo"]


async def test_a_pinned_request_neither_follows_the_session_nor_moves_it(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    own = (await stage.lease(session="s")).account
    other = "bravo" if own == "alpha" else "alpha"
    pinned = await stage.lease(session="s", only=other)
    assert (pinned.account, pinned.sticky, pinned.moved_from) == (other, False, "")
    assert (await stage.lease(session="s")).account == own


async def test_a_session_whose_account_was_removed_moves(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    own = await stage_call(stage)
    left = "bravo" if own == "alpha" else "alpha"
    await stage.open(Account(id=left))
    assert (await stage.lease(session="s")).moved_from == own


async def test_a_store_that_lost_everything_remembers_no_session(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    for _ in range(2):
        await stage.lease(session="s")
    await stage.lose_everything()
    await stage.open("alpha", "bravo")
    lease = await stage.lease(session="s")
    assert (lease.sticky, lease.moved_from) == (False, "")


async def test_priority_does_not_draw_a_session_back(stage: Stage) -> None:
    first, second = Account(id="alpha", priority=1, max_concurrency=1), Account(id="bravo", priority=2)
    await stage.open(first, second, strategy=Strategy.PRIORITY)
    blocking = await stage.lease()
    assert (await stage.lease(session="s")).account == "bravo"
    await stage.settle(blocking)
    assert (await stage.lease(session="s")).account == "bravo"
