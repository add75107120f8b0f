"""When nobody can serve: how long to wait, and what to say."""

import pytest

from gateway.refusals import POLL_MS, Waiting, aged, answer, pause, soonest_ms, summary
from quota.engine.types import NEVER, Block, Reason, Refusal

NOW = 1_000_000


def refusal(*blocks):
    return Refusal(
        "p", NOW, NEVER, tuple(Block(f"a{i}", reason, NOW + wait) for i, (reason, wait) in enumerate(blocks))
    )


def never(reason):
    return Refusal("p", NOW, NEVER, (Block("a", reason, NEVER),))


def test_it_waits_exactly_until_a_cool_down_ends():
    assert pause(refusal((Reason.COOLING, 900), (Reason.COOLING, 400)), left_ms=5_000) == Waiting(400)


@pytest.mark.parametrize("reason", [Reason.CONCURRENCY, Reason.PROBING, Reason.LIMIT])
def test_it_looks_again_soon_where_a_place_may_come_free(reason):
    assert pause(refusal((reason, 60_000)), left_ms=5_000) == Waiting(POLL_MS)


@pytest.mark.parametrize("reason", [Reason.DISABLED, Reason.FORCED_OPEN, Reason.MODEL_NOT_ALLOWED, Reason.TRIED])
def test_it_does_not_wait_for_what_does_not_change(reason):
    assert pause(never(reason), left_ms=5_000) is None


def test_it_does_not_wait_for_what_comes_too_late():
    assert pause(refusal((Reason.COOLING, 6_000)), left_ms=5_000) is None


def test_it_does_not_wait_when_its_time_is_up():
    assert pause(refusal((Reason.LIMIT, 10)), left_ms=0) is None


def test_where_a_place_may_come_free_it_waits_to_the_last_moment():
    assert pause(refusal((Reason.CONCURRENCY, 60_000)), left_ms=40) == Waiting(40)


def test_no_pause_outlasts_the_time_that_is_left():
    assert pause(refusal((Reason.COOLING, 3)), left_ms=5) == Waiting(5)


def test_a_refusal_that_has_aged_is_nearer_to_its_end():
    assert soonest_ms(aged(refusal((Reason.COOLING, 900)), by_ms=400)) == 500
    assert soonest_ms(aged(refusal((Reason.COOLING, 900)), by_ms=2_000)) == 0


def test_while_all_accounts_fail_it_is_an_outage_and_no_limit():
    said = answer(refusal((Reason.BREAKER_OPEN, 90_000), (Reason.PROBING, 4_000)), model="m")
    assert (said.status, said.type, said.retry_after_ms) == (529, "overloaded_error", 4_000)


@pytest.mark.parametrize("reason", [Reason.COOLING, Reason.LIMIT, Reason.CONCURRENCY])
def test_while_one_account_is_only_at_a_limit_it_is_a_limit(reason):
    said = answer(refusal((Reason.BREAKER_OPEN, 90_000), (reason, 120_000)), model="m")
    assert (said.status, said.type, said.retry_after_ms) == (429, "rate_limit_error", 90_000)


def test_accounts_that_never_serve_do_not_make_an_outage_a_limit():
    blocks = (Block("a", Reason.BREAKER_OPEN, NOW + 5_000), Block("b", Reason.DISABLED, NEVER))
    assert answer(Refusal("p", NOW, NEVER, blocks), model="m").status == 529


def test_an_account_already_tried_says_nothing_about_when_to_come_back():
    said = answer(refusal((Reason.TRIED, 0), (Reason.COOLING, 7_000)), model="m")
    assert (said.status, said.retry_after_ms, said.should_retry) == (429, 7_000, None)


def test_coming_back_after_more_than_ten_minutes_is_pointless():
    assert answer(refusal((Reason.LIMIT, 601_000)), model="m").should_retry is False


def test_if_nothing_will_change_by_itself_the_pool_is_unavailable():
    said = answer(never(Reason.DISABLED), model="m")
    assert (said.status, said.retry_after_ms, said.should_retry) == (503, None, False)


def test_a_pool_without_accounts_says_so():
    assert "no accounts" in answer(refusal(), model="m").message


def test_the_answer_counts_the_reasons():
    said = answer(refusal((Reason.COOLING, 1), (Reason.COOLING, 2), (Reason.BREAKER_OPEN, 3)), model="m")
    assert said.message == (
        "No account of the pool can serve this now. Of 3: 2 waiting as Anthropic asked (cool-down), "
        "1 set aside after failures in a row (circuit breaker)."
    )


def test_a_summary_of_many_accounts_stays_short():
    assert "and 12 more" in summary(refusal(*[(Reason.COOLING, 5)] * 20))


def test_a_refusal_for_a_limit_names_it():
    blocks = (Block("x", Reason.LIMIT, 9_000, "tokens per day"), Block("y", Reason.LIMIT, 9_000))
    refused = Refusal("p", 0, 9_000, blocks)
    assert "Of 2: 1 at the limit of tokens per day, 1 at a limit." in answer(refused, model="m").message
    assert summary(refused) == "refused: x limit (tokens per day) for 9000 ms, y limit for 9000 ms"
