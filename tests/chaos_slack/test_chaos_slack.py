"""A small campaign with real processes loses nothing; the judges see what a broken build would do."""

from dataclasses import replace

import pytest
from django.db import connection

from tests import stores
from tests.chaos_slack.campaign import run
from tests.chaos_slack.judging import table, violations
from tests.chaos_slack.plan import Plan, Result, transitions

SMALL = Plan(seed=3, workers=4, transitions=60, kills=1, restarts=2, faults=3, interval=0.05, held_for=9, patience=120)
TINY = Plan(transitions=10)
WHOLE = Result(TINY, told=[[f"{alert} {number}"] for alert, number in transitions(TINY)])


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(180)
def test_workers_that_die_and_leave_while_slack_refuses_lose_and_disorder_nothing() -> None:
    result = run(SMALL, database=stores.address_of(connection.settings_dict))
    assert not violations(result), table(result)
    assert result.killed + result.restarted >= 1


def test_a_whole_campaign_has_no_violation() -> None:
    assert violations(WHOLE) == []


def test_what_never_arrived_is_seen() -> None:
    (said,) = violations(replace(WHOLE, told=WHOLE.told[:-1]))
    assert "1 transitions never arrived" in said


def test_what_came_twice_is_seen_unless_a_worker_died_over_it() -> None:
    twice = replace(WHOLE, told=[*WHOLE.told, WHOLE.told[0]])
    assert "came twice" in violations(twice)[0]
    assert violations(replace(twice, killed=1)) == []


def test_what_came_again_beside_something_new_is_seen() -> None:
    mixed = [[*WHOLE.told[0], *WHOLE.told[1], *WHOLE.told[0]], *WHOLE.told[2:]]
    assert "in a message with others" in violations(replace(WHOLE, told=mixed, killed=5))[0]


def test_a_thread_out_of_order_is_seen() -> None:
    assert "came as [5, 1, 2, 3, 4]" in violations(replace(WHOLE, told=[*WHOLE.told[-2:-1], *WHOLE.told]))[1]


def test_what_waits_for_ever_and_what_is_switched_off_are_seen() -> None:
    assert len(violations(replace(WHOLE, waiting=3, switched_off=1))) == 2
