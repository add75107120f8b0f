"""Early probes (off by default): with every account open, the one closest to recovery is tried, once per 5 s."""

import pytest

from quota.engine.types import Account, BreakerSettings, BreakerState, Hold, Scope, Verdict
from tests.contract.stage import Stage

EARLY = BreakerSettings(early_probe=True)


async def all_open(stage: Stage, *accounts: Account | str, breaker: BreakerSettings = EARLY) -> None:
    """Trip one after the other, a second apart."""
    await stage.open(*accounts, breaker=breaker)
    for account in accounts:
        stage.later(1_000)
        await stage.trip(account if isinstance(account, str) else account.id)
    stage.later(10_000)


async def test_off_by_default(stage: Stage) -> None:
    await all_open(stage, "alpha", "bravo", breaker=BreakerSettings())
    await stage.refusal()


async def test_the_account_closest_to_recovery_is_probed_before_its_time(stage: Stage) -> None:
    await all_open(stage, "bravo", "alpha")
    lease = await stage.lease()
    assert (lease.account, lease.probe) == ("bravo", True)


async def test_and_serves_again_at_once_if_it_answers(stage: Stage) -> None:
    await all_open(stage, "alpha", "bravo")
    await stage.settle(await stage.lease())
    assert {await stage.call() for _ in range(3)} == {"alpha"}


async def test_or_stays_open_for_the_whole_time_if_not(stage: Stage) -> None:
    await all_open(stage, "alpha", "bravo")
    await stage.settle(await stage.lease(), Verdict.FAILURE)
    state = await stage.look()
    assert (state.breaker, state.open_until_ms) == (BreakerState.OPEN, stage.clock.now_ms + 300_000)


@pytest.mark.parametrize(("later", "granted"), [(4_999, False), (5_000, True)])
async def test_once_in_five_seconds_for_the_whole_pool(stage: Stage, later: int, granted: bool) -> None:
    await all_open(stage, "alpha", "bravo")
    await stage.settle(await stage.lease(), Verdict.FAILURE)
    stage.later(later)
    assert hasattr(await stage.ask(), "probe") is granted


async def test_not_while_another_account_could_still_recover_by_itself(stage: Stage) -> None:
    await all_open(stage, "alpha", "bravo")
    await stage.lease()  # alpha is half-open now
    stage.later(5_000)
    await stage.refusal()


async def test_not_while_an_account_is_merely_full(stage: Stage) -> None:
    full = Account(id="charlie", max_concurrency=1)
    await stage.open("alpha", full, breaker=EARLY)
    await stage.lease(only="charlie")
    await stage.trip()
    await stage.refusal()


async def test_accounts_switched_off_do_not_prevent_it(stage: Stage) -> None:
    await stage.open("alpha", Account(id="off", enabled=False), breaker=EARLY)
    await stage.trip()
    assert (await stage.lease()).account == "alpha"


async def test_not_one_that_is_held_for_another_reason_too(stage: Stage) -> None:
    await stage.open("alpha", "bravo", breaker=EARLY)
    hold = Hold(Scope.ACCOUNT, "billing", for_ms=3_600_000)
    late = await stage.lease(only="alpha")
    await stage.trip("alpha")
    await stage.settle(late, Verdict.ALIVE, holds=(hold,))
    await stage.trip("bravo")
    assert (await stage.lease()).account == "bravo"


async def test_not_one_that_was_tried_already(stage: Stage) -> None:
    await all_open(stage, "alpha", "bravo")
    assert (await stage.lease(tried=("alpha",))).account == "bravo"
