"""Round robin: everybody in turn, exactly, and shares by weight."""

import pytest

from quota.engine.types import Account, Strategy
from tests.contract.stage import Stage, rpm, tally

NAMES = ("alpha", "bravo", "charlie")


@pytest.mark.parametrize("rounds", [1, 2, 7])
async def test_k_times_n_leases_give_each_of_n_accounts_exactly_k(stage: Stage, rounds: int) -> None:
    await stage.open(*NAMES, strategy=Strategy.ROUND_ROBIN)
    served = [(await stage.lease()).account for _ in range(rounds * len(NAMES))]
    assert tally(served) == dict.fromkeys(NAMES, rounds)


async def test_no_account_comes_twice_before_every_other_has_come_once(stage: Stage) -> None:
    await stage.open(*NAMES, strategy=Strategy.ROUND_ROBIN)
    served = [await stage.call() for _ in range(12)]
    assert all(len(set(served[start : start + 3])) == 3 for start in range(10))


async def test_a_weight_of_two_comes_twice_as_often(stage: Stage) -> None:
    await stage.open("alpha", Account(id="bravo", weight=2), strategy=Strategy.ROUND_ROBIN)
    assert tally([await stage.call() for _ in range(30)]) == {"alpha": 10, "bravo": 20}


async def test_an_account_that_was_away_gets_its_share_and_no_burst_to_make_up(stage: Stage) -> None:
    await stage.open(*NAMES, strategy=Strategy.ROUND_ROBIN)
    await stage.engine.force_open("pool", "alpha", actor="ann")
    for _ in range(20):
        await stage.call()
    await stage.engine.reset_breaker("pool", "alpha", actor="ann")
    assert tally([await stage.call() for _ in range(9)]) == dict.fromkeys(NAMES, 3)


async def test_the_turn_passes_over_whoever_is_not_eligible(stage: Stage) -> None:
    await stage.open("alpha", rpm("bravo", 1), "charlie", strategy=Strategy.ROUND_ROBIN)
    assert tally([await stage.call() for _ in range(7)]) == {"alpha": 3, "bravo": 1, "charlie": 3}


async def test_an_account_added_later_joins_the_round(stage: Stage) -> None:
    await stage.open("alpha", "bravo", strategy=Strategy.ROUND_ROBIN)
    for _ in range(10):
        await stage.call()
    await stage.open(*NAMES, strategy=Strategy.ROUND_ROBIN)
    assert tally([await stage.call() for _ in range(6)]) == dict.fromkeys(NAMES, 2)
