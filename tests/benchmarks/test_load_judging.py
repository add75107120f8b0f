"""`make load`: its judgement sees what is wrong; each expectation meets a world that is right and one that is not."""

from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.load.judging import books, breaker, callers, calls, day, minute
from benchmarks.load.judging.callers import most_at_once
from benchmarks.load.seen import Asked, Books, Charged, Failed, Received, Seen

MIDNIGHT = 1_800_057_600.0
NOON = MIDNIGHT - 12 * 3_600
LIMITS = {"a": 2, "b": 1}


def asked(number: int = 1, *, status: int = 200, at: float = NOON, **more: Any) -> Asked:
    return Asked(number, at, at + 0.1, status, activity=f"activity-{number}", **more)


def received(number: int = 1, account: str = "a", *, at: float = NOON, status: int = 200, **more: Any) -> Received:
    body, fault = f"Request {number}: say something.", None if status == 200 else "internal"
    known: dict[str, Any] = {"until": at + 0.1, "tokens": 10, "cost_nano": 100, **more}
    return Received(
        at=at, account=account, status=status, request_id=f"{account}-{at}", fault=fault, body=body, **known
    )


def charged(call: Received, *, delay: float = 0.0, **more: Any) -> Charged:
    known: dict[str, Any] = {"tokens": call.tokens, "cost_nano": call.cost_nano, "held_tokens": 20, **more}
    return Charged(call.request_id, call.account, call.at - delay, **known)


def seen(
    *,
    told: Sequence[Asked] = (),
    came: Sequence[Received] = (),
    written: Sequence[Charged] | None = None,
    failed: dict[str, Failed] | None = None,
    leases: int = 0,
    breakers: dict[str, str] | None = None,
) -> Seen:
    served = sum(one.status == 200 for one in told)
    counted = {"completed": served, "failed": len(told) - served}
    activities = {word: count for word, count in counted.items() if count}
    ledger = [charged(one) for one in came] if written is None else written
    return Seen(told, came, Books(activities, ledger, failed or {}, leases, breakers or {}))


def row(account: str, *instants: float) -> list[Received]:
    return [received(number, account, at=NOON + at) for number, at in enumerate(instants, start=1)]


# callers


def test_one_error_is_one_too_many():
    world = seen(told=[asked(1), asked(2, status=500, said="oh")])
    assert not callers.all_served(world, total=2).holds
    assert callers.all_served(seen(told=[asked(1), asked(2)]), total=2).holds


def test_a_caller_who_was_never_heard_of_again_is_missed():
    assert not callers.all_served(seen(told=[asked(1)]), total=2).holds


@pytest.mark.parametrize("statuses", [(200, 200), (429, 429), (200, 429, 503), (200, 429, 0)])
def test_an_overload_without_refusals_or_with_other_errors_is_no_good(statuses: tuple[int, ...]):
    world = seen(told=[asked(number, status=status) for number, status in enumerate(statuses)])
    assert not callers.served_or_refused(world).holds


def test_answers_and_refusals_are_fine():
    assert callers.served_or_refused(seen(told=[asked(1), asked(2, status=429)])).holds


@pytest.mark.parametrize(
    ("said", "decision", "holds"),
    [
        ("1 at the limit of tokens per day", "refused: a limit (tokens per day)", True),
        ("1 at the limit of tokens per day", "refused", False),
        ("1 at a limit", "refused: a limit (tokens per day)", False),
    ],
)
def test_caller_and_ledger_must_both_name_the_limit(said: str, decision: str, *, holds: bool):
    world = seen(told=[asked(1, status=429, said=said)], failed={"activity-1": Failed("rate_limit_error", decision)})
    assert callers.named(world, "tokens per day").holds is holds


def test_a_scenario_that_refused_nobody_has_not_shown_how_it_refuses():
    assert not callers.named(seen(told=[asked(1)]), "tokens per day").holds


def test_those_whose_waits_overlap_ask_at_once():
    assert most_at_once([Asked(1, 0.0, 2.0, 200), Asked(2, 1.0, 3.0, 200), Asked(3, 2.5, 4.0, 200)]) == 2


# spread and failover


@pytest.mark.parametrize(("to_a", "to_b", "holds"), [(20, 10, True), (21, 9, True), (23, 7, False), (30, 0, False)])
def test_a_spread_must_follow_the_sizes(to_a: int, to_b: int, *, holds: bool):
    came = [*(received(n, "a") for n in range(to_a)), *(received(n, "b") for n in range(to_b))]
    assert calls.spread(seen(came=came), {"a": 200, "b": 100}).holds is holds


@pytest.mark.parametrize(
    "went",
    [
        [("a", 500), ("a", 200)],
        [("a", 200), ("b", 200)],
        [("a", 500), ("b", 500), ("c", 500), ("d", 200)],
    ],
)
def test_a_request_that_goes_astray_is_found(went: list[tuple[str, int]]):
    came = [received(1, account, at=NOON + at, status=status) for at, (account, status) in enumerate(went)]
    assert not calls.once_each(seen(came=came)).holds


def test_a_failover_is_not_astray():
    came = [received(1, "a", status=500), received(1, "b", at=NOON + 1)]
    world = seen(came=came)
    assert calls.once_each(world).holds
    assert calls.every_failure_found_another(world).holds


def test_who_met_a_failure_and_was_not_served_is_found():
    assert not calls.every_failure_found_another(seen(came=[received(1, "a", status=500)])).holds


# requests per minute


@pytest.mark.parametrize(("instants", "holds"), [((0, 1, 61), True), ((0, 1, 59), False), ((0, 30, 60), True)])
def test_any_minute_counts_not_the_calendar_s(instants: tuple[float, ...], *, holds: bool):
    assert minute.never_over(seen(came=row("a", *instants)), {"a": 2}).holds is holds


def test_calls_that_arrive_late_are_given_the_longest_delay():
    came = row("a", 5, 6, 61)
    late = [charged(came[0], delay=5), *map(charged, came[1:])]
    assert minute.never_over(seen(came=came, written=late), {"a": 2}).holds
    assert not minute.never_over(seen(came=came), {"a": 2}).holds


def test_of_a_machine_too_busy_to_tell_nothing_is_believed():
    came = row("a", 20)
    assert not minute.never_over(seen(came=came, written=[charged(came[0], delay=11)]), {"a": 2}).holds


def refusal_at(second: float, *, after: int | None, came: Sequence[Received]) -> Seen:
    return seen(told=[asked(9, status=429, at=NOON + second, retry_after=after)], came=came)


FULL = [*row("a", 0, 10), *row("b", 20)]


@pytest.mark.parametrize(
    ("after", "holds"), [(29, False), (30, True), (31, True), (32, True), (33, False), (None, False)]
)
def test_the_soonest_second_is_that_of_the_account_that_opens_first(after: int | None, *, holds: bool):
    assert minute.soonest(refusal_at(30, after=after, came=FULL), LIMITS).holds is holds


def test_a_refusal_while_an_account_has_room_is_found():
    assert minute.refused_when_full(refusal_at(30, after=30, came=FULL), LIMITS).holds
    assert not minute.refused_when_full(refusal_at(30, after=30, came=row("a", 0, 10)), LIMITS).holds
    assert not minute.refused_when_full(refusal_at(62, after=1, came=FULL), LIMITS).holds


# tokens and dollars per day


@pytest.mark.parametrize(("limit", "holds"), [(30, True), (29, False)])
def test_a_day_s_limit_is_held_to_the_token(limit: int, *, holds: bool):
    world = seen(came=row("a", 1, 2, 3))
    assert day.never_over(world, {"a": limit}, lambda one: one.tokens, noun="tokens").holds is holds


@pytest.mark.parametrize(("limit", "holds"), [(49, True), (50, False)])
def test_what_is_left_must_be_less_than_a_request_takes(limit: int, *, holds: bool):
    world = seen(came=row("a", 1, 2, 3))
    assert day.used_up(world, {"a": limit}, lambda one: one.tokens, lambda one: one.held_tokens).holds is holds


@pytest.mark.parametrize(
    ("after", "should_retry", "holds"),
    [
        (43_200, "false", True),
        (43_201, "false", True),
        (43_198, "false", False),
        (43_203, "false", False),
        (43_200, "", False),
    ],
)
def test_a_day_s_refusal_points_at_midnight(after: int, should_retry: str, *, holds: bool):
    told = [asked(1, status=429, retry_after=after, should_retry=should_retry)]
    assert day.until_midnight(seen(told=told)).holds is holds


# the breaker


def failing(*instants: float) -> list[Received]:
    return [received(n, "a", at=NOON + at, status=500) for n, at in enumerate(instants, start=1)]


FIVE = (0, 1, 2, 3, 4)
BACK = row("a", 17, 18, 19, 20, 21)


def test_the_fifth_failure_in_a_row_opens():
    assert breaker.opened_at(failing(*FIVE)) == pytest.approx(NOON + 4.1)


def test_a_success_in_between_begins_the_row_anew():
    assert breaker.opened_at([*failing(0, 1, 2, 3), received(9, "a", at=NOON + 3.5), *failing(4)]) is None


def test_an_account_that_is_asked_after_its_fifth_failure_was_not_set_aside():
    assert breaker.set_aside(seen(came=failing(*FIVE)), "a").holds
    assert not breaker.set_aside(seen(came=failing(*FIVE, 8)), "a").holds
    assert not breaker.set_aside(seen(came=failing(0, 1)), "a").holds


def recovering(*probes: Received, after: Sequence[Received] = BACK) -> Seen:
    return seen(came=[*failing(*FIVE), *probes, *after], breakers={"a": "closed"})


GOOD = (received(8, "a", at=NOON + 10.2, status=500), received(9, "a", at=NOON + 16.4))


def test_a_failed_probe_and_a_good_one_are_a_recovery():
    world = recovering(*GOOD)
    assert breaker.one_probe(world, "a").holds
    assert breaker.half_opens(world, "a", seconds=6).holds
    assert breaker.recovered(world, "a").holds


def test_a_second_probe_beside_the_first_is_found():
    beside = received(7, "a", at=NOON + 10.25, status=500)
    assert not breaker.one_probe(recovering(GOOD[0], beside, GOOD[1]), "a").holds


@pytest.mark.parametrize("probe", [9.0, 13.0])
def test_a_probe_too_early_or_too_late_is_found(probe: float):
    early_or_late = received(8, "a", at=NOON + probe, status=500)
    world = recovering(early_or_late, received(9, "a", at=NOON + probe + 6.3))
    assert not breaker.half_opens(world, "a", seconds=6).holds


def test_an_account_that_gets_nothing_after_its_probe_has_not_recovered():
    assert not breaker.recovered(recovering(*GOOD, after=BACK[:2]), "a").holds


def test_an_account_whose_breaker_says_open_has_not_recovered():
    world = seen(came=[*failing(*FIVE), *GOOD, *BACK], breakers={"a": "open"})
    assert not breaker.recovered(world, "a").holds


# the books


def test_books_that_agree_hold():
    world = seen(told=[asked(1)], came=[received(1)])
    assert all(one.holds for one in books.kept(world))


def test_a_lease_that_is_left_is_found():
    assert not books.no_lease_left(seen(leases=1)).holds


def test_an_activity_too_few_or_one_that_never_ended_is_found():
    right = seen(told=[asked(1), asked(2)])
    for counted in ({"completed": 1}, {"completed": 1, "started": 1}, {}):
        wrong = Seen(right.asked, (), Books(counted, (), {}, 0, {}))
        assert not books.activities(wrong).holds


@pytest.mark.parametrize("wrong", [{"tokens": 9}, {"cost_nano": 99}])
def test_a_call_charged_otherwise_than_billed_is_found(wrong: dict[str, int]):
    call = received(1)
    assert not books.ledger(seen(came=[call], written=[charged(call, **wrong)])).holds


def test_a_call_that_is_charged_twice_or_never_is_found():
    call = received(1)
    assert not books.ledger(seen(came=[call], written=[])).holds
    assert not books.ledger(seen(came=[call], written=[charged(call), charged(call)])).holds
