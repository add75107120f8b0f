"""Stream entries become facts, or say plainly that they are nonsense."""

from datetime import UTC, date, datetime

import pytest

from quota.engine.stream import StreamEntry
from quota.entries import Reading, read
from quota.errors import EntryUnreadable
from quota.facts import ActivityStatus, AttemptState
from quota.records import ActivityEnded, ActivityProgress, ActivityStarted, TokenUsage
from tests.quota.entries import ALICE, BOB, NOON_MS, POOL, activity, attempt, entry, event, expired, lease_note, settled

NOON = datetime.fromtimestamp(NOON_MS // 1000, tz=UTC)


def test_a_settled_lease_is_charged_what_the_engine_counted() -> None:
    facts = read(POOL, settled(5, tokens=15, cost=700, note=attempt())).attempt
    assert facts
    assert (facts.state, facts.tokens, facts.cost_nano) == (AttemptState.SETTLED, 15, 700)
    assert (facts.input_tokens, facts.output_tokens, facts.counted_requests) == (5, 10, 1)
    assert (facts.account_id, facts.usage_day, facts.granted_at) == (ALICE, date(2026, 11, 23), NOON)


def test_a_lease_that_was_never_sent_costs_nothing() -> None:
    facts = read(POOL, settled(5, sent=False, tokens=15, cost=700, note=attempt())).attempt
    assert facts
    assert (facts.counted_requests, facts.tokens, facts.cost_nano, facts.input_tokens) == (0, 0, 0, 0)


def test_an_expired_lease_is_charged_its_estimate() -> None:
    facts = read(POOL, expired(5, tokens=1_000, cost=9_000, note=lease_note(2))).attempt
    assert facts
    assert (facts.state, facts.tokens, facts.cost_nano, facts.number) == (AttemptState.EXPIRED, 1_000, 9_000, 2)


def test_a_settled_call_without_a_report_is_charged_its_estimate_and_no_kind_of_token() -> None:
    note = attempt(usage=TokenUsage(), estimated_tokens=1_000, price_known=False)
    facts = read(POOL, settled(5, tokens=1_000, cost=9_000, verdict="failure", note=note)).attempt
    assert facts
    assert (facts.tokens, facts.cost_nano, facts.input_tokens, facts.output_tokens) == (1_000, 9_000, 0, 0)


def test_a_late_settlement_is_told_apart() -> None:
    facts = read(POOL, settled(5, late=True)).attempt
    assert facts
    assert facts.state == AttemptState.LATE


def test_an_unreadable_note_costs_the_details_but_not_the_money() -> None:
    reading = read(POOL, settled(5, tokens=15, note="{broken"))
    assert reading.attempt
    assert reading.attempt.tokens == 15
    assert "note is unreadable" in reading.complaint


def test_a_lease_without_an_activity_makes_none() -> None:
    assert read(POOL, settled(5)).activity is None


def test_an_expired_lease_leaves_its_activity_unknown() -> None:
    facts = read(POOL, expired(5, note=lease_note())).activity
    assert facts
    assert (str(facts.id), facts.status, facts.attempts) == (activity(1), ActivityStatus.UNKNOWN, 1)


def test_an_activity_whose_process_died_shows_the_estimate_that_was_charged() -> None:
    facts = read(POOL, expired(5, cost=9_000, note=lease_note())).activity
    assert facts
    assert facts.cost_nano == 9_000


def test_a_start_tells_who_asked_for_what() -> None:
    record = ActivityStarted(
        activity(1), "orchestrator", str(POOL), "claude-opus-5", "qa", "session-1", "key-1", NOON_MS, stream=True
    )
    facts = read(POOL, event(5, "activity.started", record)).activity
    assert facts
    assert facts.head == ("orchestrator", "claude-opus-5", "qa", "session-1", "key-1", True, "", "")
    assert (facts.status, facts.started_at) == (ActivityStatus.STARTED, NOON)


def test_a_start_tells_which_agent_asked_and_which_one_started_that() -> None:
    record = ActivityStarted(activity(1), "gateway", str(POOL), "claude-opus-5", agent="sub-1", parent_agent="main")
    facts = read(POOL, event(5, "activity.started", record)).activity
    assert facts
    assert (facts.agent, facts.parent_agent) == ("sub-1", "main")


def test_an_end_tells_that_the_session_moved_and_what_that_cost() -> None:
    record = ActivityEnded(activity(1), ok=True, account=str(ALICE), moved_from=str(BOB), move_cost_nano=12_300_000)
    facts = read(POOL, event(5, "activity.completed", record)).activity
    assert facts
    assert (facts.moved_from_id, facts.move_cost_nano) == (BOB, 12_300_000)


def test_progress_tells_what_went_wrong_so_far() -> None:
    record = ActivityProgress(activity(1), 2, str(ALICE), "overloaded", "http 529", NOON_MS)
    facts = read(POOL, event(5, "activity.progress", record)).activity
    assert facts
    assert (facts.status, facts.attempts, facts.error_type) == (ActivityStatus.RUNNING, 2, "overloaded")


def test_an_end_tells_everything() -> None:
    record = ActivityEnded(
        activity(1),
        ok=True,
        account=str(ALICE),
        model="claude-opus-5",
        usage=TokenUsage(5, 10),
        cost_nano=700,
        attempts=(attempt(1, started_ms=NOON_MS), attempt(2, request_id="req_2")),
        at_ms=NOON_MS + 1_000,
        decision=("alpha: 529", "beta: answered"),
    )
    facts = read(POOL, event(5, "activity.completed", record)).activity
    assert facts
    assert (facts.status, facts.attempts, facts.request_id) == (ActivityStatus.COMPLETED, 2, "req_2")
    assert (facts.input_tokens, facts.output_tokens, facts.cost_nano) == (5, 10, 700)
    assert facts.decision == ("alpha: 529", "beta: answered")
    assert facts.started_at == NOON


def test_a_common_cause_names_whom_it_acquits() -> None:
    acquittal = read(POOL, entry(5, "pool.common_cause", accounts=f"{ALICE},{BOB}", why="http 401")).acquittal
    assert acquittal
    assert acquittal.account_ids == (ALICE, BOB)


def test_a_rejected_key_is_passed_on() -> None:
    rejection = read(POOL, entry(5, "account.rejected", account=ALICE, why="http 401")).rejection
    assert rejection
    assert (rejection.account_id, rejection.why) == (ALICE, "http 401")


def test_kinds_that_do_not_concern_the_ledger_are_passed_over() -> None:
    assert read(POOL, entry(5, "breaker", account=ALICE)) == Reading()


def test_text_too_long_or_unstorable_is_made_to_fit() -> None:
    record = attempt(outcome="x" * 900, why="a\x00b")
    facts = read(POOL, settled(5, note=record)).attempt
    assert facts
    assert len(facts.outcome) == 60
    assert "\x00" not in facts.why


@pytest.mark.parametrize(
    "nonsense",
    [
        entry(1, "lease.settled"),
        entry(1, "lease.settled", lease="l", account="nobody", day=1, granted_ms=1, tokens=1, cost=1),
        settled(1, tokens=-1),
        settled(1, cost=1 << 60),
        settled(1, lease=""),
        settled(1, day=10**12),
        entry(1, "activity.started", payload="{}"),
        entry(1, "activity.started"),
        event(1, "activity.progress", ActivityProgress("no uuid", 1, "", "x")),
        event(1, "activity.completed", ActivityEnded(activity(1), ok=True, cost_nano=-5)),
    ],
    ids=lambda entry: entry.type,
)
def test_nonsense_is_refused_by_its_kind(nonsense: StreamEntry) -> None:
    with pytest.raises(EntryUnreadable, match=nonsense.type):
        read(POOL, nonsense)
