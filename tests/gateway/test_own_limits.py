"""What a caller hears whose own limit is used up, and that nothing else happens."""

import pytest

from gateway import own_limits, refusals
from gateway.calls import OwnAnswer
from quota.engine.types import NEVER, Block, Client, Limit, Metric, Reason, Refusal, Window

NOW = 1_796_000_000_000  # 2026-11-30 00:53:20 UTC
LIMITS = (
    Limit(Metric.REQUESTS, Window.MINUTE, 60),
    Limit(Metric.TOKENS, Window.DAY, 2_000_000),
    Limit(Metric.COST, Window.DAY, 5_000_000_000),
    Limit(Metric.COST, Window.MONTH, 123_456_789),
)
ANN = Client("ann", LIMITS, max_concurrency=4)


def said(detail: str, *, until: int = NOW + 23_400, reason: Reason = Reason.LIMIT) -> OwnAnswer:
    return own_limits.answer(Block("", reason, until, detail), client=ANN, now_ms=NOW)


@pytest.mark.parametrize(
    ("detail", "limit"),
    [
        ("requests per minute", "60 requests per minute"),
        ("tokens per day", "2,000,000 tokens per day"),
        ("cost per day", "$5.00 per day"),
        ("cost per month", "$0.123456789 per month"),
    ],
)
def test_it_names_the_limit_and_the_instant_from_which_the_request_may_fit(detail: str, limit: str) -> None:
    answer = said(detail)
    assert answer.message == (
        f"This access key is limited to {limit}, which this request would exceed; "
        "it may fit from 2026-11-30 00:53:44 UTC on."
    )
    assert (answer.status, answer.type, answer.retry_after_ms, answer.should_retry) == (
        429,
        "rate_limit_error",
        23_400,
        None,
    )


def test_a_wait_longer_than_anybody_holds_a_request_open_is_not_to_be_retried() -> None:
    answer = said("cost per month", until=NOW + 86_400_000)
    assert (answer.retry_after_ms, answer.should_retry) == (86_400_000, False)


def test_a_request_larger_than_the_limit_is_told_that_it_will_never_fit() -> None:
    answer = said("tokens per day", until=NEVER)
    assert answer.message.endswith("2,000,000 tokens per day, which this request alone would exceed.")
    assert (answer.retry_after_ms, answer.should_retry) == (None, False)


def test_too_many_at_once_are_told_how_many_may_be() -> None:
    answer = said("", until=NOW + 1_000, reason=Reason.CONCURRENCY)
    assert "limited to 4 requests at once" in answer.message
    assert answer.retry_after_ms == 1_000


def test_an_own_limit_is_never_waited_for() -> None:
    refusal = Refusal("p", NOW, NOW + 100, (), Block("", Reason.CONCURRENCY, NOW + 100))
    assert refusals.pause(refusal, left_ms=5_000) is None


def test_the_decision_chain_says_whose_limit_it_was() -> None:
    refusal = Refusal("p", NOW, NOW + 100, (), Block("", Reason.LIMIT, NOW + 100, "tokens per day"))
    assert refusals.summary(refusal).startswith("refused: the access key's own limit, tokens per day")


def test_a_pool_that_is_used_up_says_that_it_is_the_pool() -> None:
    limited = Block("pool-1", Reason.LIMIT, NOW + 86_400_000, "cost per month")
    answer = own_limits.answer(limited, client=ANN, now_ms=NOW)
    assert answer.message.startswith("The pool as a whole has a limit of cost per month, which this request would")
    assert (answer.status, answer.should_retry) == (429, False)
    assert own_limits.summary(limited).startswith("refused: the limit of the whole pool, cost per month")
