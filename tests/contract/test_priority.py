"""Priority: the lowest number first, the next only while it cannot."""

from quota.engine.types import Account, Reason, Strategy
from tests.contract.stage import Stage, reasons, rpm, tally


def account(name: str, priority: int, **more: int) -> Account:
    return Account(id=name, priority=priority, **more)  # type: ignore[arg-type]


async def test_the_lowest_number_is_tried_first(stage: Stage) -> None:
    await stage.open(account("alpha", 20), account("bravo", 10), strategy=Strategy.PRIORITY)
    assert tally([await stage.call() for _ in range(10)]) == {"bravo": 10}


async def test_equals_share_by_round_robin(stage: Stage) -> None:
    await stage.open(account("alpha", 1), account("bravo", 1), account("charlie", 2), strategy=Strategy.PRIORITY)
    assert tally([await stage.call() for _ in range(10)]) == {"alpha": 5, "bravo": 5}


async def test_equals_share_by_weight(stage: Stage) -> None:
    await stage.open(account("alpha", 1, weight=3), account("bravo", 1), strategy=Strategy.PRIORITY)
    assert tally([await stage.call() for _ in range(12)]) == {"alpha": 9, "bravo": 3}


async def test_it_spills_over_when_the_first_is_full(stage: Stage) -> None:
    await stage.open(rpm("alpha", 3, priority=1), account("bravo", 2), strategy=Strategy.PRIORITY)
    assert tally([await stage.call() for _ in range(5)]) == {"alpha": 3, "bravo": 2}


async def test_and_returns_when_the_first_can_serve_again(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1, priority=1), account("bravo", 2), strategy=Strategy.PRIORITY)
    before = [await stage.call() for _ in range(2)]
    stage.later(61_000)
    assert [*before, await stage.call()] == ["alpha", "bravo", "alpha"]


async def test_it_returns_after_a_breaker_has_recovered(stage: Stage) -> None:
    await stage.open(account("alpha", 1), account("bravo", 2), strategy=Strategy.PRIORITY)
    await stage.trip("alpha")
    spilled = await stage.call()
    stage.later(300_000)
    assert [spilled, await stage.call(), await stage.call()] == ["bravo", "alpha", "alpha"]


async def test_a_refusal_names_the_reason_of_each(stage: Stage) -> None:
    await stage.open(account("alpha", 1, max_concurrency=1), account("bravo", 2), strategy=Strategy.PRIORITY)
    await stage.lease()
    await stage.engine.force_open("pool", "bravo", actor="ann")
    assert reasons(await stage.refusal()) == {"alpha": Reason.CONCURRENCY, "bravo": Reason.FORCED_OPEN}
