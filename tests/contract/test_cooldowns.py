"""Cool-downs: not before T, for some work or all, for an account or its whole organization; never shortened."""

import pytest

from quota.engine.holds import MAX_HOLDS
from quota.engine.types import NEVER, Account, Hold, Reason, Scope, Verdict
from tests.contract.stage import HAIKU, NOON, OPUS, POOL, Stage

THROTTLE = Hold(Scope.ORGANIZATION, "throttle", for_ms=20_000, group="opus-5")
HAIKU_CALL = {"model": HAIKU, "group": "haiku-5-5"}


def kin() -> tuple[Account, ...]:
    """Two of one organization, one of another."""
    return (
        Account(id="alpha", organization="org-1"),
        Account(id="bravo", organization="org-1"),
        Account(id="charlie", organization="org-2"),
    )


async def throttle(stage: Stage, *holds: Hold, name: str = "alpha") -> None:
    await stage.call(name, Verdict.ALIVE, holds=holds or (THROTTLE,))


async def test_a_throttle_keeps_the_whole_organization_away_from_that_model_group(stage: Stage) -> None:
    await stage.open(*kin())
    await throttle(stage)
    assert {(await stage.lease()).account for _ in range(6)} == {"charlie"}


async def test_other_model_groups_of_the_organization_go_on(stage: Stage) -> None:
    await stage.open(*kin())
    await throttle(stage)
    assert {(await stage.lease(**HAIKU_CALL)).account for _ in range(6)} == {"alpha", "bravo", "charlie"}


async def test_it_ends_at_its_time_and_not_a_millisecond_before(stage: Stage) -> None:
    await stage.open("alpha")
    await throttle(stage)
    refusal = await stage.refusal()
    assert (refusal.retry_at_ms, refusal.blocks[0].reason) == (NOON + 20_000, Reason.COOLING)
    stage.later(19_999)
    await stage.refusal()
    stage.later(1)
    await stage.lease()


async def test_the_refusal_says_what_kind_of_cooldown_it_is(stage: Stage) -> None:
    await stage.open("alpha")
    await throttle(stage)
    assert (await stage.refusal()).blocks[0].detail == "throttle"


async def test_an_account_of_unknown_organization_cools_down_alone(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await throttle(stage)
    assert {(await stage.lease()).account for _ in range(4)} == {"bravo"}


async def test_an_organization_learned_with_the_answer_binds_its_other_accounts_at_once(stage: Stage) -> None:
    await stage.open("alpha", Account(id="bravo", organization="org-1"))
    await stage.call("alpha", Verdict.ALIVE, holds=(THROTTLE,), organization="org-1")
    await stage.refusal()


async def test_a_learned_organization_is_remembered_through_edits(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.call("alpha", organization="org-9")
    await stage.open("alpha")
    assert (await stage.look()).organization == "org-9"


@pytest.mark.parametrize("until", [NOON + 90_000, NEVER])
async def test_a_hold_on_the_whole_account_keeps_it_from_all_work(stage: Stage, until: int) -> None:
    await stage.open("alpha")
    await throttle(stage, Hold(Scope.ACCOUNT, "billing", until_ms=until))
    assert (await stage.refusal()).retry_at_ms == until
    assert (await stage.refusal(**HAIKU_CALL)).retry_at_ms == until


async def test_a_hold_on_one_model_leaves_the_others_of_its_group(stage: Stage) -> None:
    await stage.open("alpha")
    await throttle(stage, Hold(Scope.ACCOUNT, "model", for_ms=600_000, model=OPUS))
    await stage.refusal()
    await stage.lease(model="claude-opus-5-mini", group="opus-5")


async def test_a_hold_on_one_account_leaves_the_others_of_its_organization(stage: Stage) -> None:
    await stage.open(*kin())
    await throttle(stage, Hold(Scope.ACCOUNT, "billing", for_ms=60_000))
    assert {(await stage.lease()).account for _ in range(4)} == {"bravo", "charlie"}


async def test_a_hold_on_the_whole_organization_keeps_all_of_it_away(stage: Stage) -> None:
    await stage.open(*kin())
    await throttle(stage, Hold(Scope.ORGANIZATION, "spend_limit", for_ms=60_000))
    assert {(await stage.lease(**HAIKU_CALL)).account for _ in range(4)} == {"charlie"}


async def test_a_shorter_one_never_shortens_one_in_force(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease()
    await throttle(stage, Hold(Scope.ACCOUNT, "spend_limit", for_ms=60_000))
    await stage.settle(lease, Verdict.ALIVE, holds=(Hold(Scope.ACCOUNT, "throttle", for_ms=1_000),))
    (block,) = (await stage.refusal()).blocks
    assert (block.until_ms, block.detail) == (NOON + 60_000, "spend_limit")


async def test_a_longer_one_takes_over(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease()
    await throttle(stage, Hold(Scope.ACCOUNT, "throttle", for_ms=1_000))
    await stage.settle(lease, Verdict.ALIVE, holds=(Hold(Scope.ACCOUNT, "spend_limit", for_ms=60_000),))
    assert (await stage.refusal()).retry_at_ms == NOON + 60_000


async def test_of_several_the_last_to_end_is_waited_for(stage: Stage) -> None:
    await stage.open("alpha")
    await throttle(
        stage,
        Hold(Scope.ACCOUNT, "throttle", for_ms=5_000, group="opus-5"),
        Hold(Scope.ACCOUNT, "model", for_ms=9_000, model=OPUS),
    )
    assert (await stage.refusal()).retry_at_ms == NOON + 9_000


async def test_an_instant_wins_over_a_duration(stage: Stage) -> None:
    await stage.open("alpha")
    await throttle(stage, Hold(Scope.ACCOUNT, "spend_limit", until_ms=NOON + 3_000, for_ms=999_000))
    assert (await stage.refusal()).retry_at_ms == NOON + 3_000


async def test_one_whose_time_has_passed_already_binds_nobody(stage: Stage) -> None:
    await stage.open("alpha")
    await throttle(stage, Hold(Scope.ACCOUNT, "throttle", until_ms=NOON - 1))
    await stage.lease()
    assert await stage.told("hold") == []


async def test_a_cooldown_moves_no_breaker(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await throttle(stage)
    assert (await stage.look()).failures == 4


async def test_it_is_told_with_everything_about_it(stage: Stage) -> None:
    await stage.open(*kin())
    await throttle(stage)
    assert await stage.told("hold") == [
        {
            "pool": POOL,
            "account": "alpha",
            "scope": "organization",
            "organization": "org-1",
            "why": "throttle",
            "until_ms": str(NOON + 20_000),
            "group": "opus-5",
            "model": "",
        }
    ]


async def test_one_that_changes_nothing_is_not_told(stage: Stage) -> None:
    await stage.open(*kin())
    first, second = await stage.lease(only="alpha"), await stage.lease(only="bravo")
    for lease in (first, second):
        await stage.settle(lease, Verdict.ALIVE, holds=(THROTTLE,))
    assert len(await stage.told("hold")) == 1


async def test_the_snapshot_shows_it_on_every_account_it_binds(stage: Stage) -> None:
    await stage.open(*kin())
    await throttle(stage)
    shown = [len((await stage.look(name)).holds) for name in ("alpha", "bravo", "charlie")]
    assert shown == [1, 1, 0]
    stage.later(20_000)
    assert (await stage.look()).holds == ()


async def test_clearing_frees_the_account_and_its_organization(stage: Stage) -> None:
    await stage.open(*kin())
    await throttle(stage, Hold(Scope.ORGANIZATION, "spend_limit", until_ms=NEVER), Hold(Scope.ACCOUNT, "x", NEVER))
    await stage.lease(only="charlie")
    await stage.engine.clear_cooldown(POOL, "bravo", actor="ann")
    assert (await stage.lease(only="bravo")).account == "bravo"
    await stage.refusal(only="alpha")  # what holds alpha itself is not bravo's
    await stage.engine.clear_cooldown(POOL, "alpha", actor="ann")
    await stage.lease(only="alpha")


async def test_clearing_is_told_once_with_who_did_it(stage: Stage) -> None:
    await stage.open("alpha")
    await throttle(stage)
    for _ in range(2):
        await stage.engine.clear_cooldown(POOL, "alpha", actor="ann")
    assert await stage.told("hold.cleared") == [{"pool": POOL, "account": "alpha", "actor": "ann"}]


async def test_a_whole_organization_comes_back_by_itself_when_its_time_is_up(stage: Stage) -> None:
    await stage.open(*kin()[:2])
    await throttle(stage, Hold(Scope.ORGANIZATION, "spend_limit", for_ms=60_000))
    assert (await stage.refusal()).retry_at_ms == NOON + 60_000
    stage.later(60_000)
    assert {await stage.call() for _ in range(2)} == {"alpha", "bravo"}


async def test_model_names_that_callers_make_up_are_remembered_only_up_to_a_bound(stage: Stage) -> None:
    await stage.open("alpha")
    made_up = [Hold(Scope.ACCOUNT, "model", for_ms=600_000, model=f"claude-{n}") for n in range(MAX_HOLDS + 5)]
    await throttle(stage, *made_up)
    await throttle(stage, Hold(Scope.ACCOUNT, "spend_limit", for_ms=600_000))
    holds = (await stage.look()).holds
    assert len(holds) == MAX_HOLDS + 1  # and what no caller can make up is always kept
