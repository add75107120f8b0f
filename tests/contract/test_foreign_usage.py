"""What was used past the pool counts against limits, once, for as long as its window lasts."""

from quota.engine.calendar import day_of
from quota.engine.types import Foreign, Lease, Metric, Strategy, Usage, Window
from tests.contract.stage import Stage, limited, reasons

DAILY = (Metric.TOKENS, Window.DAY, 100)
MONTHLY = (Metric.TOKENS, Window.MONTH, 1_000)
DOLLARS = (Metric.COST, Window.DAY, 50)


async def spend(stage: Stage, tokens: int, cost: int = 0) -> None:
    await stage.settle(await stage.lease(tokens=tokens, cost=cost), tokens=tokens, cost=cost)


async def test_it_takes_from_what_is_left(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY))
    await spend(stage, 30)
    assert await stage.foreign(alpha=Foreign(day_tokens=50, month_tokens=50))
    assert reasons(await stage.refusal(tokens=21)) == {"alpha": "limit"}
    await spend(stage, 20)


async def test_money_counts_as_tokens_do(stage: Stage) -> None:
    await stage.open(limited("alpha", DOLLARS))
    await stage.foreign(alpha=Foreign(day_cost=50, month_cost=50))
    assert reasons(await stage.refusal(cost=1)) == {"alpha": "limit"}


async def test_the_same_told_again_counts_once(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY, MONTHLY))
    for _ in range(3):
        await stage.foreign(alpha=Foreign(day_tokens=50, month_tokens=70))
    found = await stage.look()
    assert (found.day_tokens, found.month_tokens) == (50, 70)


async def test_more_counts_by_what_came_on_top(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY))
    for tokens in (10, 40, 60):
        await stage.foreign(alpha=Foreign(day_tokens=tokens, month_tokens=tokens))
    assert (await stage.look()).day_tokens == 60


async def test_what_turns_out_to_be_ours_is_taken_back(stage: Stage) -> None:
    """Anthropic's count was ahead of our ledger for a moment."""
    await stage.open(limited("alpha", DAILY))
    await spend(stage, 40)
    await stage.foreign(alpha=Foreign(day_tokens=60, month_tokens=60))
    await stage.refusal(tokens=1)
    await stage.foreign(alpha=Foreign(day_tokens=20, month_tokens=20))
    assert (await stage.look()).day_tokens == 60
    await spend(stage, 40)


async def test_an_account_that_is_not_named_has_none_any_more(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY))
    await stage.foreign(alpha=Foreign(day_tokens=100, month_tokens=100))
    await stage.refusal(tokens=1)
    await stage.foreign()
    await spend(stage, 100)


async def test_at_midnight_the_day_begins_with_none_and_the_month_keeps_it(stage: Stage) -> None:
    stage.at(2026, 9, 15, 23, 59)
    await stage.open(limited("alpha", DAILY, MONTHLY))
    await stage.foreign(alpha=Foreign(day_tokens=100, month_tokens=100))
    await stage.refusal(tokens=1)
    stage.at(2026, 9, 16)
    await spend(stage, 10)
    found = await stage.look()
    assert (found.day_tokens, found.month_tokens) == (10, 110)


async def test_the_next_days_count_takes_nothing_back_from_the_day_before(stage: Stage) -> None:
    stage.at(2026, 9, 15, 23, 59)
    await stage.open(limited("alpha", DAILY, MONTHLY))
    await stage.foreign(alpha=Foreign(day_tokens=90, month_tokens=90))
    stage.at(2026, 9, 16, 0, 1)
    await stage.foreign(alpha=Foreign(day_tokens=5, month_tokens=95))
    found = await stage.look()
    assert (found.day_tokens, found.month_tokens) == (5, 95)


async def test_a_new_month_begins_with_none(stage: Stage) -> None:
    stage.at(2026, 9, 30, 23, 59)
    await stage.open(limited("alpha", MONTHLY))
    await stage.foreign(alpha=Foreign(day_tokens=90, month_tokens=1_000))
    await stage.refusal(tokens=1)
    stage.at(2026, 10, 1)
    await stage.foreign(alpha=Foreign(day_tokens=7, month_tokens=7))
    found = await stage.look()
    assert (found.day_tokens, found.month_tokens) == (7, 7)


async def test_a_count_of_yesterday_that_comes_after_midnight_changes_nothing(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY))
    yesterday = day_of(stage.clock.now_ms) - 1
    assert not await stage.foreign(day=yesterday, alpha=Foreign(day_tokens=90, month_tokens=90))
    assert (await stage.look()).day_tokens == 0


async def test_a_store_that_lost_everything_is_told_again_and_counts_it_once(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY))
    await stage.foreign(alpha=Foreign(day_tokens=30, month_tokens=30))
    await stage.lose_everything()
    used = Usage(day=day_of(stage.clock.now_ms), day_tokens=20, month_tokens=20)
    await stage.open(limited("alpha", DAILY), usage={"alpha": used})
    await stage.foreign(alpha=Foreign(day_tokens=30, month_tokens=30))
    assert (await stage.look()).day_tokens == 50


async def test_an_account_that_comes_back_counts_it_once(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY), "bravo")
    await stage.foreign(alpha=Foreign(day_tokens=30, month_tokens=30))
    await stage.open("bravo")
    await stage.open(limited("alpha", DAILY), "bravo")
    await stage.foreign(alpha=Foreign(day_tokens=30, month_tokens=30))
    assert (await stage.look()).day_tokens == 30


async def test_an_account_nobody_knows_harms_nobody(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY))
    assert await stage.foreign(stranger=Foreign(day_tokens=30, month_tokens=30))
    assert (await stage.look()).day_tokens == 0


async def test_an_account_that_it_fills_leaves_the_choice_and_comes_back_at_midnight(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY), limited("bravo", DAILY), strategy=Strategy.PRIORITY)
    await stage.foreign(alpha=Foreign(day_tokens=100, month_tokens=100))
    assert {(await stage.lease(tokens=1)).account for _ in range(5)} == {"bravo"}
    stage.at(2026, 9, 16)
    assert isinstance(await stage.ask(only="alpha", tokens=100), Lease)


async def test_the_least_loaded_account_is_found_with_it_counted(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY), limited("bravo", DAILY))
    await stage.foreign(alpha=Foreign(day_tokens=50, month_tokens=50))
    served = [await stage.call(tokens=0) for _ in range(4)]
    assert set(served) == {"bravo"}
