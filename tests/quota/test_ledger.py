"""Entries end up in the ledger once, whatever the delivery, and the rollups are its sum."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db.models import Sum
from django.db.models.functions import Coalesce
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import ClaudeAccount
from accounts.services import disable_account
from quota.entries import Entry
from quota.facts import AMOUNTS, TOKEN_KINDS, Span
from quota.ledger import Unreadable, write
from quota.models import Activity, Attempt, RejectedKey, SetAside, UsageRollup
from quota.records import ActivityEnded, ActivityProgress, ActivityStarted, TokenUsage
from tests.quota.entries import (
    ALICE,
    BOB,
    DAY,
    POOL,
    activity,
    attempt,
    entry,
    event,
    expired,
    lease_note,
    settled,
)

pytestmark = pytest.mark.django_db


def ledger() -> tuple[list[Any], ...]:
    """Everything that is written, but for the row ids that are made up on the way."""
    return (
        list(Activity.objects.order_by("pk").values()),
        [{**row, "id": None} for row in Attempt.objects.order_by("lease_id").values()],
        [
            {**row, "id": None}
            for row in UsageRollup.objects.order_by("account_id", "span", "starts_at", "model").values()
            if any(row[name] for name in AMOUNTS)
        ],
        list(SetAside.objects.order_by("entry").values("pool_id", "entry", "why", "content")),
    )


def clear() -> None:
    for table in (Activity, Attempt, UsageRollup, SetAside):
        table.objects.all().delete()


def assert_rollups_are_the_sum_of_the_attempts() -> None:
    same = {"tokens": "tokens", "cost_nano": "cost_nano", "requests": "counted_requests"} | {k: k for k in TOKEN_KINDS}
    attempts = Attempt.objects.aggregate(**{name: Coalesce(Sum(column), 0) for name, column in same.items()})
    for span in Span:
        rollups = UsageRollup.objects.filter(span=span)
        assert rollups.aggregate(**{name: Coalesce(Sum(name), 0) for name in same}) == attempts
        assert (rollups.aggregate(total=Sum("attempts"))["total"] or 0) == Attempt.objects.count()


def test_a_settled_call_is_recorded_with_its_day_and_price() -> None:
    write(POOL, [settled(5, tokens=15, cost=1_500_000_000, note=attempt())])
    row = Attempt.objects.get()
    assert (row.tokens, row.cost_nano, str(row.cost), row.state) == (15, 1_500_000_000, "1.500000000", "settled")


def test_a_batch_delivered_twice_changes_nothing_the_second_time() -> None:
    batch = [settled(5, note=attempt()), expired(6, lease="lease-2", note=lease_note(1, of=2))]
    first, second = write(POOL, batch), write(POOL, batch)
    assert (first.changed, second.changed, second.entries) == (2, 0, 2)
    assert_rollups_are_the_sum_of_the_attempts()


def test_a_late_settlement_corrects_an_expired_charge() -> None:
    write(POOL, [expired(5, tokens=1_000, note=lease_note())])
    write(POOL, [settled(9, tokens=15, late=True, note=attempt())])
    assert (Attempt.objects.get().state, Attempt.objects.get().tokens) == ("late", 15)
    assert_rollups_are_the_sum_of_the_attempts()


def test_an_expiry_that_arrives_after_the_late_settlement_changes_nothing() -> None:
    write(POOL, [settled(9, tokens=15, late=True, note=attempt())])
    write(POOL, [expired(5, tokens=1_000, note=lease_note())])
    assert (Attempt.objects.get().state, Attempt.objects.get().tokens) == ("late", 15)
    assert_rollups_are_the_sum_of_the_attempts()


def test_a_request_whose_process_died_leaves_an_unknown_activity() -> None:
    write(POOL, [event(1, "activity.started", ActivityStarted(activity(1), "api", str(POOL), "claude-opus-5"))])
    write(POOL, [expired(5, note=lease_note())])
    assert (Activity.objects.get().status, Activity.objects.get().source) == ("unknown", "api")


def test_what_a_request_whose_process_died_was_charged_is_shown_as_an_estimate_until_the_truth_is_known() -> None:
    write(POOL, [expired(5, cost=9_000, note=lease_note())])
    assert (Activity.objects.get().cost_nano, Activity.objects.get().cost_is_estimate) == (9_000, True)
    write(POOL, [settled(9, late=True, note=attempt())])
    write(POOL, [event(10, "activity.completed", ActivityEnded(activity(1), ok=True, cost_nano=500))])
    assert (Activity.objects.get().cost_nano, Activity.objects.get().cost_is_estimate) == (500, False)


def test_an_account_deleted_meanwhile_stops_nothing() -> None:
    write(POOL, [settled(5, account=uuid.uuid4())])
    assert Attempt.objects.count() == 1


def test_nonsense_is_set_aside_and_the_rest_is_written() -> None:
    written = write(POOL, [entry(1, "lease.settled", lease="x"), settled(5)], [Unreadable("7-0", "not text")])
    assert (written.entries, written.set_aside, Attempt.objects.count()) == (3, 2, 1)
    assert {row.why.partition(":")[0] for row in SetAside.objects.all()} == {"lease.settled", "not text"}


def test_a_call_with_an_unreadable_note_is_charged_and_set_aside() -> None:
    write(POOL, [settled(5, tokens=15, note="{broken")])
    assert (Attempt.objects.get().tokens, SetAside.objects.count()) == (15, 1)


def rejected(account: ClaudeAccount, *, at: datetime) -> Entry:
    ms = int(at.timestamp() * 1_000)
    return type(settled(0))(f"{ms}-0", "account.rejected", ms, {"account": str(account.pk), "why": "http 401"})


def test_an_account_whose_key_was_rejected_is_disabled_with_that_reason(alice: ClaudeAccount) -> None:
    write(alice.pool_id, [rejected(alice, at=datetime(2100, 1, 1, tzinfo=UTC))])
    alice.refresh_from_db()
    assert (alice.enabled, alice.disabled_reason) == (False, "invalid key: http 401")


def test_an_old_rejection_does_not_disable_an_account_mended_since(alice: ClaudeAccount) -> None:
    write(alice.pool_id, [rejected(alice, at=datetime(2020, 1, 1, tzinfo=UTC))])
    alice.refresh_from_db()
    assert alice.enabled


def common_cause(*accounts: ClaudeAccount, at: datetime) -> Entry:
    ms = int(at.timestamp() * 1_000)
    names = ",".join(sorted(str(account.pk) for account in accounts))
    return type(settled(0))(f"{ms}-1", "pool.common_cause", ms, {"accounts": names, "why": "http 401"})


def test_an_account_refused_for_a_common_cause_is_brought_back(alice: ClaudeAccount) -> None:
    at = datetime(2100, 1, 1, tzinfo=UTC)
    write(alice.pool_id, [rejected(alice, at=at)])
    write(alice.pool_id, [common_cause(alice, at=at + timedelta(seconds=20))])
    alice.refresh_from_db()
    assert (alice.enabled, alice.disabled_reason, RejectedKey.objects.count()) == (True, "", 0)


def test_a_key_refused_long_before_a_common_cause_stays_refused(alice: ClaudeAccount) -> None:
    at = datetime(2100, 1, 1, tzinfo=UTC)
    write(alice.pool_id, [rejected(alice, at=at)])
    write(alice.pool_id, [common_cause(alice, at=at + timedelta(minutes=2))])
    alice.refresh_from_db()
    assert (alice.enabled, RejectedKey.objects.count()) == (False, 1)


def test_a_common_cause_does_not_bring_back_whom_a_person_disabled(alice: ClaudeAccount) -> None:
    disable_account(alice, why="by bob")
    at = datetime(2100, 1, 1, tzinfo=UTC)
    write(alice.pool_id, [rejected(alice, at=at), common_cause(alice, at=at)])
    alice.refresh_from_db()
    assert not alice.enabled


def history_of(number: int, fate: str) -> list[Entry]:
    """Give every entry that one request of this fate leaves behind."""
    at, lease, account = number * 100, f"lease-{number}", (ALICE, BOB)[number % 2]
    head = ActivityStarted(activity(number), "api", str(POOL), "claude-opus-5", at_ms=at)
    tail = ActivityEnded(activity(number), ok=fate != "failed", usage=TokenUsage(5, 10), cost_nano=700)
    call = attempt(1, of=number, account=account)
    endings: dict[str, list[Entry]] = {
        "completed": [
            settled(at + 5, lease=lease, account=account, note=call),
            event(at + 6, "activity.completed", tail),
        ],
        "failed": [
            settled(at + 5, lease=lease, account=account, verdict="failure", sent=number % 3 > 0, note=call),
            event(at + 6, "activity.failed", tail),
        ],
        "died": [expired(at + 5, lease=lease, account=account, day=DAY - 1, note=lease_note(of=number))],
        "late": [
            expired(at + 5, lease=lease, account=account, note=lease_note(of=number)),
            settled(at + 7, lease=lease, account=account, late=True, tokens=40, note=call),
            event(at + 8, "activity.completed", tail),
        ],
        "retried": [
            settled(at + 5, lease=lease, account=account, verdict="overloaded", tokens=0, cost=0, note=call),
            event(at + 6, "activity.progress", ActivityProgress(activity(number), 1, str(account), "overloaded")),
            expired(at + 9, lease=f"{lease}b", account=BOB, note=lease_note(2, of=number)),
        ],
        "nonsense": [settled(at + 5, lease=lease, note="{"), entry(at + 6, "activity.failed", payload="[]")],
    }
    return [event(at + 1, "activity.started", head), *endings[fate]]


fates = st.sampled_from(["completed", "failed", "died", "late", "retried", "nonsense"])


def deliver(entries: Sequence[Entry], random: Random) -> None:
    """Deliver everything at least once, in any order, repeatedly, in batches of any size."""
    mail = [*entries, *random.choices(entries, k=len(entries))]
    random.shuffle(mail)
    while mail:
        size = random.randint(1, 7)
        write(POOL, mail[:size])
        mail = mail[size:]
        assert_rollups_are_the_sum_of_the_attempts()


@given(st.lists(fates, min_size=1, max_size=5), st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_delivery_of_the_same_entries_gives_the_same_ledger(lives: list[str], random: Random) -> None:
    entries = [entry for number, fate in enumerate(lives) for entry in history_of(number, fate)]
    clear()
    write(POOL, entries)
    once_in_order = ledger()
    clear()
    deliver(entries, random)
    assert ledger() == once_in_order
