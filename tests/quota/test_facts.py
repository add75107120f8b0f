"""Knowledge joins to the same whatever the order, and the truth beats the estimate."""

from functools import reduce
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from quota.entries import Entry, read
from quota.facts import ActivityFacts, ActivityStatus, AttemptFacts, AttemptState, entry_order, rollup_deltas
from quota.records import ActivityEnded, ActivityProgress, ActivityStarted
from tests.quota.entries import ALICE, POOL, activity, attempt, event, expired, lease_note, settled


def attempt_facts(entry: Entry) -> AttemptFacts:
    facts = read(POOL, entry).attempt
    assert facts
    return facts


def activity_facts(*entries: Entry) -> ActivityFacts:
    facts = [read(POOL, entry).activity for entry in entries]
    return reduce(ActivityFacts.join, [fact for fact in facts if fact])


started = event(1, "activity.started", ActivityStarted(activity(1), "orchestrator", str(POOL), "claude-opus-5"))
failed_over = event(9, "activity.progress", ActivityProgress(activity(1), 1, str(ALICE), "overloaded"))
ended = event(20, "activity.completed", ActivityEnded(activity(1), ok=True, account=str(ALICE), cost_nano=7))
first_expired, second_expired = expired(7, note=lease_note(1)), expired(15, lease="lease-2", note=lease_note(2))


def test_a_settled_lease_beats_an_expired_one_whichever_comes_first() -> None:
    late, over = attempt_facts(settled(3, late=True)), attempt_facts(expired(9))
    assert late.join(over) == over.join(late) == late


def test_of_two_settlements_of_one_lease_the_later_counts() -> None:
    first, second = attempt_facts(settled(3, tokens=1)), attempt_facts(settled(4, tokens=2))
    assert first.join(second) == second.join(first) == second


def test_stream_ids_are_ordered_as_numbers() -> None:
    assert entry_order("5-10") > entry_order("5-9") > entry_order("4-99") > entry_order("")


def test_a_request_whose_only_holder_died_is_unknown() -> None:
    assert activity_facts(first_expired, started).status == ActivityStatus.UNKNOWN


def test_progress_after_an_expiry_shows_that_the_holder_lives() -> None:
    assert activity_facts(failed_over, started, first_expired).status == ActivityStatus.RUNNING


def test_a_second_holder_may_die_after_the_first_one_reported() -> None:
    assert activity_facts(second_expired, started, failed_over).status == ActivityStatus.UNKNOWN


def test_the_end_beats_everything_and_keeps_what_the_beginning_told() -> None:
    facts = activity_facts(ended, second_expired, failed_over, started, first_expired)
    assert (facts.status, facts.source, facts.model) == (
        ActivityStatus.COMPLETED,
        "orchestrator",
        "claude-opus-5",
    )
    assert (facts.cost_nano, facts.attempts, facts.error_type) == (7, 2, "")


@given(
    st.lists(st.sampled_from([started, failed_over, ended, first_expired, second_expired]), min_size=1), st.randoms()
)
def test_joining_is_the_same_in_any_order_and_however_often(entries: list[Entry], random: Random) -> None:
    shuffled = entries * 2
    random.shuffle(shuffled)
    assert activity_facts(*shuffled) == activity_facts(*entries)


def test_a_call_adds_to_its_hour_and_to_its_day() -> None:
    deltas = rollup_deltas([(None, attempt_facts(settled(3, note=attempt())))])
    assert {key.span: key.starts_at.hour for key in deltas} == {"hour": 12, "day": 0}
    assert all(amounts[:2] == (1, 1) for amounts in deltas.values())


def test_a_correction_moves_the_rollups_by_the_difference_only() -> None:
    old, new = attempt_facts(expired(9, note=lease_note())), attempt_facts(settled(12, late=True, note=attempt()))
    (hour, day) = rollup_deltas([(old, new)]).values()
    assert hour == day
    assert hour[:7] == (0, 0, 0, -1, 0, 15 - 1_000, 700 - 9_000)


def test_what_did_not_change_moves_nothing() -> None:
    facts = attempt_facts(settled(3))
    assert rollup_deltas([(facts, facts)]) == {}


def test_a_state_is_a_word() -> None:
    assert str(AttemptState.EXPIRED) == "expired"
