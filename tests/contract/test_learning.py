"""Anthropic's own limits, learned from its answers: what remains binds, fades, and never for ever."""

import pytest

from quota.engine.calendar import DAY_MS
from quota.engine.learning import MAX_LEARNED
from quota.engine.said import Bucket, Dimension, Said
from quota.engine.types import NEVER, Account, Reason, Strategy, Verdict
from quota.engine.views import LearnedState
from tests.contract.stage import HAIKU, NOON, Stage

KIN = (
    Account(id="alpha", organization="org-1"),
    Account(id="bravo", organization="org-1"),
    Account(id="charlie", organization="org-2"),
)
HAIKU_CALL = {"model": HAIKU, "group": "haiku-5-5"}


def requests(remaining: int, *, window_ms: int = 60_000, group: str = "opus-5") -> Said:
    return Said(group, (Bucket(Dimension.REQUESTS, 60, remaining, window_ms),))


def tokens(dimension: Dimension, remaining: int, limit: int, **more: int) -> Said:
    return Said("opus-5", (Bucket(dimension, limit, remaining),), **more)


async def tell(stage: Stage, said: Said, name: str = "alpha", **changes: object) -> None:
    """One call whose answer says so."""
    lease = await stage.lease(only=name, **changes)
    await stage.settle(lease, said=said)


async def granted(stage: Stage, most: int = 50, **changes: object) -> int:
    """How many leases there are until none is."""
    for number in range(most):
        if not hasattr(await stage.ask(**changes), "account"):
            return number
    return most


async def shown(stage: Stage, name: str = "alpha") -> LearnedState:
    (one,) = (await stage.look(name)).learned
    return one


async def test_no_more_is_granted_than_remains(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(3))
    assert await granted(stage) == 3


async def test_the_refusal_says_what_remains_and_when_one_more_fits(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(0))
    (block,) = (await stage.refusal()).blocks
    assert (block.reason, block.detail) == (Reason.RATE_LIMIT, "0 of 60 requests")
    assert 0 < block.until_ms - NOON <= 1_000
    stage.later(block.until_ms - NOON)
    await stage.lease()


async def test_it_fills_as_time_passes_and_fades_when_it_is_full(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(0))
    stage.later(10_000)
    assert (await shown(stage)).remaining == 10
    stage.later(50_000)
    assert (await shown(stage)).remaining == 60


async def test_all_accounts_of_the_organization_share_it_and_others_do_not(stage: Stage) -> None:
    await stage.open(*KIN)
    await tell(stage, requests(0))
    assert {(await stage.lease()).account for _ in range(4)} == {"charlie"}
    assert ((await shown(stage, "bravo")).remaining, (await stage.look("charlie")).learned) == (0, ())


async def test_other_model_groups_go_on(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(0))
    await stage.lease(**HAIKU_CALL)


async def test_calls_under_way_that_no_answer_told_of_are_taken_off_what_it_said(stage: Stage) -> None:
    await stage.open("alpha")
    first = await stage.lease()
    await tell(stage, requests(50))
    for _ in range(5):
        await stage.lease()
    stage.later(1)
    await stage.settle(first, said=requests(59))  # Anthropic has not met the other six yet
    assert (await shown(stage)).remaining == 45


async def test_an_answer_to_an_older_call_changes_nothing(stage: Stage) -> None:
    await stage.open("alpha")
    old = await stage.lease()
    stage.later(5_000)
    await tell(stage, requests(2))
    await stage.settle(old, said=requests(60))
    assert (await shown(stage)).remaining == 2


async def test_a_newer_answer_takes_over_in_both_directions(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(2))
    stage.later(1_000)
    await tell(stage, requests(40))
    assert (await shown(stage)).remaining == 40
    stage.later(1_000)
    await tell(stage, requests(1))
    assert (await shown(stage)).remaining == 1


async def test_of_answers_that_may_have_overtaken_each_other_the_least_counts(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(10))
    stage.later(500)
    await tell(stage, requests(30))
    assert (await shown(stage)).remaining == 9  # ten, and half a second's filling, less the second call


async def test_what_was_told_more_than_a_minute_ago_is_not_heard(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(ttl_ms=300_000)
    stage.later(61_001)
    await stage.settle(lease, said=requests(0))
    assert (await stage.look()).learned == ()


@pytest.mark.parametrize("window_ms", [60_000, DAY_MS])
async def test_nothing_learned_keeps_an_account_away_for_longer_than_a_day(stage: Stage, window_ms: int) -> None:
    await stage.open("alpha")
    await tell(stage, requests(-(10**6), window_ms=window_ms))
    refusal = await stage.refusal()
    assert NOON < refusal.retry_at_ms <= NOON + DAY_MS < NEVER
    stage.later(refusal.retry_at_ms - NOON)
    await stage.lease()


async def test_a_call_larger_than_a_limit_waits_until_that_is_full_and_not_for_ever(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, tokens(Dimension.INPUT, 1_000, 2_000))
    refusal = await stage.refusal(tokens=9_000, input_tokens=9_000)
    assert refusal.retry_at_ms - NOON <= 30_000
    stage.later(30_000)
    await stage.lease(tokens=9_000, input_tokens=9_000)


async def test_input_binds_by_what_usually_counts_of_it(stage: Stage) -> None:
    """Prompts that come from the cache do not count at Anthropic."""
    await stage.open("alpha")
    for _ in range(40):
        said = tokens(Dimension.INPUT, 100_000, 100_000, input_tokens=100)
        await tell(stage, said, tokens=10_000, input_tokens=10_000)
        stage.later(2_000)
    assert await granted(stage, tokens=10_000, input_tokens=10_000) > 40


async def test_answers_under_way_are_expected_to_bring_the_usual_output(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(20):
        await tell(stage, tokens(Dimension.OUTPUT, 4_000, 4_000, output_tokens=1_000))
        stage.later(20_000)
    assert await granted(stage) in (4, 5)  # the mean of an eighth at a time comes close to a thousand


async def test_a_lease_whose_holder_died_expects_nothing_more(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, tokens(Dimension.OUTPUT, 1_000, 1_000, output_tokens=900))
    for _ in range(8):
        stage.later(120_000)
        await stage.lease()
    stage.later(120_000)
    await stage.engine.expire("pool")
    assert (await shown(stage)).remaining == 1_000


async def test_an_organization_learned_with_the_answer_owns_what_it_says(stage: Stage) -> None:
    await stage.open("alpha", Account(id="bravo", organization="org-1"))
    lease = await stage.lease(only="alpha")
    await stage.settle(lease, said=requests(0), organization="org-1")
    await stage.refusal(only="bravo")


async def test_least_loaded_goes_where_anthropic_has_most_left(stage: Stage) -> None:
    await stage.open(*KIN, affinity=False)
    await tell(stage, requests(20), "alpha")
    await tell(stage, requests(50), "charlie")
    assert [await stage.call() for _ in range(5)] == ["charlie"] * 5


async def test_small_differences_leave_the_turn_to_the_least_recently_used(stage: Stage) -> None:
    await stage.open(*KIN, affinity=False)
    await tell(stage, requests(59), "alpha")
    await tell(stage, requests(58), "charlie")
    assert await stage.call() == "bravo"


async def test_a_session_leaves_an_account_whose_organization_has_little_left(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    own = (await stage.lease(session="s")).account
    await tell(stage, requests(10), own)
    lease = await stage.lease(session="s")
    assert (lease.account != own, lease.moved_from) == (True, own)


@pytest.mark.parametrize("strategy", Strategy)
async def test_it_binds_under_every_strategy(stage: Stage, strategy: Strategy) -> None:
    await stage.open("alpha", strategy=strategy)
    await tell(stage, requests(0))
    await stage.refusal()


async def test_a_pool_may_choose_not_to_heed_it(stage: Stage) -> None:
    await stage.open("alpha", learning=False)
    await tell(stage, requests(0))
    assert ((await stage.look()).learned, await granted(stage, 5)) == ((), 5)


async def test_switching_it_off_frees_at_once(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(0))
    await stage.open("alpha", learning=False)
    await stage.lease()


async def test_clearing_cooldowns_clears_what_was_learned_too(stage: Stage) -> None:
    await stage.open(*KIN)
    await tell(stage, requests(0))
    await stage.engine.clear_cooldown("pool", "bravo", actor="ann")
    assert (await stage.lease(only="alpha")).account == "alpha"
    assert len(await stage.told("hold.cleared")) == 1


async def test_it_is_forgotten_by_an_edit_a_day_later(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(0))
    stage.later(DAY_MS)
    await stage.open("alpha")
    assert (await stage.look()).learned == ()


async def test_an_unsuccessful_answer_teaches_as_well(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.call("alpha", Verdict.ALIVE, said=requests(0))
    await stage.refusal()


async def test_a_call_that_told_nothing_stays_counted(stage: Stage) -> None:
    await stage.open("alpha")
    await tell(stage, requests(3))
    await stage.fail("alpha", 2)
    assert await granted(stage) == 1


async def test_model_groups_that_callers_make_up_are_remembered_only_up_to_a_bound(stage: Stage) -> None:
    assert MAX_LEARNED == 10_000
    await stage.open("alpha")
    for number in range(3):
        await tell(stage, requests(5, group=f"made-up-{number}"))
    assert len((await stage.look()).learned) == 3
