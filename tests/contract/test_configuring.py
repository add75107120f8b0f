"""Edits: a newer one wins, what is known of an account survives them, an older one is ignored."""

import pytest

from quota.engine.errors import EngineMisconfigured
from quota.engine.types import Account, BreakerSettings, Metric, Reason, Strategy, Usage, Verdict, Window
from tests.contract.stage import NOON, POOL, Stage, limited, reasons, rpm, utc_ms

TODAY = NOON // 86_400_000
USED = Usage(TODAY, 3, 400, 50, 7, 9_000, 600)


async def test_a_newer_version_takes_force(stage: Stage) -> None:
    await stage.open("alpha", version=5)
    assert await stage.open("alpha", version=6, strategy=Strategy.RANDOM)
    assert (await stage.engine.snapshot(POOL)).settings == stage.settings


async def test_an_older_one_changes_nothing(stage: Stage) -> None:
    await stage.open("alpha", version=5)
    in_force = stage.settings
    assert not await stage.open("bravo", version=4, strategy=Strategy.RANDOM)
    snapshot = await stage.engine.snapshot(POOL)
    assert (snapshot.settings, list(snapshot.accounts)) == (in_force, ["alpha"])


async def test_the_same_version_again_is_taken_and_disturbs_nobody(stage: Stage) -> None:
    await stage.open("alpha", version=5)
    await stage.fail("alpha", 3)
    lease = await stage.lease(tokens=10)
    before = await stage.look()
    assert await stage.configure("alpha")
    assert await stage.look() == before
    assert (await stage.settle(lease)).changed


async def test_all_settings_come_back_as_they_were_given(stage: Stage) -> None:
    await stage.open(
        "alpha",
        strategy=Strategy.PRIORITY,
        affinity=False,
        affinity_ttl_ms=1,
        affinity_margin_ppm=2,
        breaker=BreakerSettings(3, 4, 5, early_probe=True),
        outage_guard=False,
        learning=False,
    )
    assert (await stage.engine.snapshot(POOL)).settings == stage.settings


async def test_a_new_limit_binds_at_once_and_counts_what_was_used_before(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(3):
        await stage.call()
    await stage.open(rpm("alpha", 3))
    await stage.refusal()


async def test_a_limit_taken_away_frees_at_once(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1))
    await stage.call()
    await stage.refusal()
    await stage.open("alpha")
    await stage.lease()


async def test_switching_an_account_off_and_on_keeps_what_is_known_of_it(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    await stage.open(Account(id="alpha", enabled=False))
    await stage.open("alpha")
    assert reasons(await stage.refusal()) == {"alpha": Reason.BREAKER_OPEN}


async def test_usage_of_the_ledger_is_where_an_empty_store_begins(stage: Stage) -> None:
    await stage.open("alpha", usage={"alpha": USED})
    state = await stage.look()
    assert (state.day_requests, state.day_tokens, state.day_cost) == (3, 400, 50)
    assert (state.month_requests, state.month_tokens, state.month_cost) == (7, 9_000, 600)


async def test_it_counts_against_the_limits(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.TOKENS, Window.DAY, 500)), usage={"alpha": USED})
    await stage.refusal(tokens=101)
    await stage.lease(tokens=100)


async def test_a_store_that_knows_the_account_knows_better(stage: Stage) -> None:
    await stage.open("alpha", usage={"alpha": USED})
    await stage.call()
    await stage.configure("alpha", usage={"alpha": USED})
    assert (await stage.look()).day_requests == 4


async def test_an_account_new_to_a_loaded_pool_begins_where_the_ledger_says(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.open("alpha", "bravo", usage={"bravo": USED})
    assert (await stage.look("bravo")).day_tokens == 400


async def test_usage_of_yesterday_counts_in_the_month_only(stage: Stage) -> None:
    await stage.open("alpha", usage={"alpha": Usage(TODAY - 1, 3, 400, 50, 7, 9_000, 600)})
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens) == (0, 9_000)


async def test_usage_of_last_month_counts_nowhere(stage: Stage) -> None:
    august = utc_ms(2026, 8, 31) // 86_400_000
    await stage.open("alpha", usage={"alpha": Usage(august, 3, 400, 50, 7, 9_000, 600)})
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens) == (0, 0)


async def test_a_removed_account_without_calls_is_gone(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.open("bravo")
    assert list((await stage.engine.snapshot(POOL)).accounts) == ["bravo"]
    assert reasons(await stage.refusal(tried=("bravo",))) == {"bravo": Reason.TRIED}


async def test_one_removed_with_a_call_under_way_takes_no_more(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.lease(only="alpha")
    await stage.open("bravo")
    assert {(await stage.lease()).account for _ in range(3)} == {"bravo"}
    assert reasons(await stage.refusal(only="alpha"))["alpha"] == Reason.DISABLED


async def test_its_call_is_settled_as_if_nothing_had_happened(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    lease = await stage.lease(only="alpha", tokens=10)
    await stage.open("bravo")
    assert (await stage.settle(lease, Verdict.SUCCESS, tokens=7)).changed
    state = await stage.look()
    assert (state.day_tokens, state.in_flight, state.reserved_tokens) == (7, 0, 0)


async def test_and_the_next_edit_lets_it_go(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    lease = await stage.lease(only="alpha")
    await stage.open("bravo")
    await stage.settle(lease)
    await stage.open("bravo")
    assert list((await stage.engine.snapshot(POOL)).accounts) == ["bravo"]


async def test_a_lease_of_an_account_that_is_gone_altogether_still_ends_well(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    lease = await stage.lease(only="alpha", ttl_ms=1_000)
    stage.later(1_000)
    await stage.engine.expire(POOL)
    await stage.open("bravo")
    assert (await stage.settle(lease, tokens=7)).late
    assert (await stage.told("lease.settled"))[0]["tokens"] == "7"


async def test_one_that_comes_back_begins_afresh(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.trip()
    await stage.open("bravo")
    await stage.open("alpha", "bravo")
    assert (await stage.lease(only="alpha")).generation == 0


NONSENSE: dict[str, tuple[list[Account], BreakerSettings]] = {
    "there 2 times": ([Account(id="bravo"), Account(id="bravo")], BreakerSettings()),
    "printable text": ([Account(id="")], BreakerSettings()),
    "without '|'": ([Account(id="a|b")], BreakerSettings()),
    "weight 0": ([Account(id="bravo", weight=0)], BreakerSettings()),
    "concurrency -1": ([Account(id="bravo", max_concurrency=-1)], BreakerSettings()),
    "tokens per day of -5": ([limited("bravo", (Metric.TOKENS, Window.DAY, -5))], BreakerSettings()),
    "one failure to open": ([Account(id="bravo")], BreakerSettings(threshold=0)),
    "longer than nothing": ([Account(id="bravo")], BreakerSettings(open_ms=0)),
}


@pytest.mark.parametrize("complaint", NONSENSE)
async def test_what_makes_no_sense_is_refused_with_the_reason_and_changes_nothing(stage: Stage, complaint: str) -> None:
    await stage.open("alpha")
    before = await stage.engine.snapshot(POOL)
    accounts, breaker = NONSENSE[complaint]
    with pytest.raises(EngineMisconfigured) as caught:
        await stage.open(*accounts, breaker=breaker)
    assert complaint in str(caught.value)
    assert await stage.engine.snapshot(POOL) == before


async def test_everything_that_is_wrong_is_said_at_once(stage: Stage) -> None:
    with pytest.raises(EngineMisconfigured, match=r"weight 0.*concurrency -2"):
        await stage.open(Account(id="alpha", weight=0), Account(id="bravo", max_concurrency=-2))
