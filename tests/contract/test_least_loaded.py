"""Least loaded: whoever has most left, by the fullest of its limits."""

from quota.engine.types import Account, Metric, Strategy, Usage, Verdict, Window
from tests.contract.stage import NOON, Stage, limited, rpm, tally

FIVE = ("alpha", "bravo", "charlie", "delta", "echo")
TODAY = NOON // 86_400_000


async def test_forty_requests_one_after_another_over_five_idle_equals_land_eight_on_each(stage: Stage) -> None:
    await stage.open(*FIVE)
    assert tally([await stage.call() for _ in range(40)]) == dict.fromkeys(FIVE, 8)


async def test_the_same_holds_for_five_equals_with_limits(stage: Stage) -> None:
    await stage.open(*(rpm(name, 50) for name in FIVE))
    assert tally([await stage.call(tokens=10) for _ in range(40)]) == dict.fromkeys(FIVE, 8)


async def test_forty_requests_at_once_land_eight_on_each(stage: Stage) -> None:
    await stage.open(*(Account(id=name, max_concurrency=10) for name in FIVE))
    assert tally([(await stage.lease()).account for _ in range(40)]) == dict.fromkeys(FIVE, 8)


async def test_five_accounts_of_which_three_fail_serve_a_hundred_requests_without_one_error(stage: Stage) -> None:
    answers = {"alpha": Verdict.OVERLOADED, "bravo": Verdict.ALIVE, "charlie": Verdict.FAILURE}
    await stage.open(*FIVE)
    for _ in range(100):
        tried: list[str] = []
        while (lease := await stage.lease(tried=tuple(tried))).account in answers:
            await stage.settle(lease, answers[lease.account])
            tried.append(lease.account)
        await stage.settle(lease)


async def test_an_account_is_as_loaded_as_its_fullest_limit(stage: Stage) -> None:
    limits = ((Metric.TOKENS, Window.DAY, 1_000), (Metric.REQUESTS, Window.DAY, 100))
    usage = {
        "alpha": Usage(day=TODAY, day_tokens=500, day_requests=10),
        "bravo": Usage(day=TODAY, day_tokens=400, day_requests=45),
    }
    await stage.open(limited("alpha", *limits), limited("bravo", *limits), usage=usage)
    assert await stage.call() == "bravo"


async def test_what_is_reserved_counts_like_what_is_used(stage: Stage) -> None:
    await stage.open(*(limited(name, (Metric.TOKENS, Window.DAY, 1_000)) for name in ("alpha", "bravo")))
    await stage.lease(only="alpha", tokens=500)
    await stage.call("bravo", tokens=400)
    assert await stage.call() == "bravo"


async def test_calls_under_way_count_against_the_cap(stage: Stage) -> None:
    await stage.open(Account(id="alpha", max_concurrency=10), Account(id="bravo", max_concurrency=100))
    for name in ("alpha", "bravo", "bravo", "bravo"):
        await stage.lease(only=name)
    assert await stage.call() == "bravo"


async def test_equal_loads_are_told_apart_by_calls_under_way(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.lease(only="alpha")
    await stage.call("bravo")
    assert await stage.call() == "bravo"


async def test_then_by_who_rested_longest(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    for name in ("bravo", "charlie", "alpha"):
        await stage.call(name)
    assert [await stage.call() for _ in range(3)] == ["bravo", "charlie", "alpha"]


async def test_load_falls_by_itself_when_the_minute_slides(stage: Stage) -> None:
    await stage.open(rpm("alpha", 10), rpm("bravo", 10))
    for _ in range(5):
        await stage.call("alpha")
    stage.later(30_000)
    for _ in range(3):
        await stage.call("bravo")
    stage.later(31_000)
    assert await stage.call() == "alpha"


async def test_load_falls_by_itself_at_midnight(stage: Stage) -> None:
    usage = {"alpha": Usage(day=TODAY, day_tokens=900), "bravo": Usage(day=TODAY, day_tokens=100)}
    names = ("alpha", "bravo")
    await stage.open(*(limited(name, (Metric.TOKENS, Window.DAY, 1_000)) for name in names), usage=usage)
    assert await stage.call() == "bravo"
    stage.at(2026, 9, 16)
    assert [await stage.call() for _ in range(2)] == ["alpha", "bravo"]


async def test_switching_to_it_ranks_by_the_loads_of_the_moment(stage: Stage) -> None:
    await stage.open(rpm("alpha", 10), rpm("bravo", 10), strategy=Strategy.ROUND_ROBIN)
    for _ in range(4):
        await stage.call("bravo")
    await stage.open(rpm("alpha", 10), rpm("bravo", 10))
    assert tally([await stage.call() for _ in range(4)]) == {"alpha": 4}


async def test_usage_is_shown_in_parts_per_million_of_the_fullest_limit(stage: Stage) -> None:
    await stage.open(rpm("alpha", 8))
    await stage.lease()
    assert (await stage.look()).load_ppm == 125_000
