import pytest

from quota.engine.types import Metric
from quota.engine.views import AccountState
from quota.status import status_of
from quota.summary import Summary, summary_of
from tests.quota.states import NOON, limit, opened, state


def summed(*states: AccountState) -> Summary:
    statuses = [status_of(it, enabled=True, readable=True, now_ms=NOON) for it in states]
    return summary_of(statuses, states, now_ms=NOON)


def test_a_pool_in_one_line() -> None:
    busy = state(in_flight=3, day_requests=1_204, day_cost=12_400_000_000)
    assert summed(busy, opened()).text == "1 of 2 accounts serving · 3 in flight · 1,204 requests and $12.40 today"


def test_when_nobody_serves_it_says_from_when_on_somebody_may() -> None:
    assert summed(opened(), opened(until_ms=NOON + 60_000)).text.startswith(
        "0 of 2 accounts serving, the next from 12:01 UTC"
    )


def test_an_empty_pool_says_so() -> None:
    assert summed().text.startswith("No accounts yet")


def cost(used: int) -> AccountState:
    return state(limits=(limit(used=used, amount=100, metric=Metric.COST),))


@pytest.mark.parametrize(("states", "said"), [((cost(50), cost(26)), True), ((cost(76), state()), False)])
def test_the_days_money_is_told_where_every_account_has_a_limit(states: tuple[AccountState, ...], said: bool) -> None:
    assert ("38 % of today's cost used" in summed(*states).text) is said
