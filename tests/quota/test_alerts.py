"""Alerts in the database: one open per cause, each step told once, however many workers judge."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Pool
from quota import alerts
from quota.alert_store import (
    CLAIMED_FOR,
    CLOCK_SET_BACK_MS,
    claim_look,
    claim_untold,
    claim_untold_orphans,
    judge,
    mark_told,
    resolve_orphans,
)
from quota.alerting.values import Cause, CauseKind, Finding, Level, Subject
from quota.models import PoolWatch, QuotaAlert, QuotaAlertStep
from quota.parsing import instant
from tests.quota.alerting.cast import NOON_MS

pytestmark = pytest.mark.django_db
CAUSE = Cause(CauseKind.LIMIT, Subject.ACCOUNT, "a", "tokens per day")
ALWAYS = timedelta(0)


def found(level: Level | None = Level.WARNING, *, cause: Cause = CAUSE) -> Finding:
    return Finding(cause, level, name="alice", title=f"alice: {level}", text="so it is.", until_ms=NOON_MS)


@pytest.fixture
def watched(pool: Pool) -> Pool:
    claim_look(pool.pk, now=timezone.now(), every=ALWAYS)
    return pool


def history() -> list[tuple[int, str, str]]:
    return list(QuotaAlertStep.objects.order_by("pk").values_list("number", "kind", "level"))


class TestJudging:
    def test_what_is_found_is_written_down(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        alert = QuotaAlert.objects.get()
        assert (alert.level, alert.subject_name, alert.text) == ("warning", "alice", "so it is.")
        assert (alert.opened_at, alert.until_at) == (instant(NOON_MS), instant(NOON_MS))

    def test_an_alert_leaves_its_whole_history(self, watched: Pool) -> None:
        for at, levels in enumerate([[Level.WARNING], [Level.CRITICAL], [Level.EXHAUSTED], []]):
            judge(watched.pk, [found(level) for level in levels], now_ms=NOON_MS + at)
        steps = [(1, "opened", "warning"), (2, "escalated", "critical"), (3, "escalated", "exhausted")]
        assert history() == [*steps, (4, "resolved", "exhausted")]
        assert QuotaAlert.objects.get().resolved_at == instant(NOON_MS + 3)

    def test_the_same_again_changes_nothing(self, watched: Pool) -> None:
        assert [judge(watched.pk, [found()], now_ms=NOON_MS + at) for at in range(3)] == [1, 0, 0]

    def test_what_comes_back_is_another_alert(self, watched: Pool) -> None:
        for at, now_found in enumerate([[found()], [], [found()]]):
            judge(watched.pk, now_found, now_ms=NOON_MS + at)
        assert (QuotaAlert.objects.count(), QuotaAlert.objects.open().count()) == (2, 1)

    def test_a_snapshot_older_than_what_was_judged_already_changes_nothing(self, watched: Pool) -> None:
        judge(watched.pk, [], now_ms=NOON_MS)
        assert judge(watched.pk, [found()], now_ms=NOON_MS - 1) == 0

    def test_a_clock_that_was_set_back_blinds_nobody(self, watched: Pool) -> None:
        judge(watched.pk, [], now_ms=NOON_MS + CLOCK_SET_BACK_MS + 1)
        assert judge(watched.pk, [found()], now_ms=NOON_MS) == 1

    def test_people_are_told_what_is_explained(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS, explain=lambda _: "Out at 21:10.")
        assert QuotaAlert.objects.get().text == "so it is. Out at 21:10."

    def test_the_database_itself_refuses_a_second_open_alert_of_a_cause(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        twin = QuotaAlert.objects.get()
        twin.pk, twin._state.adding = None, True
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save()

    def test_texts_of_any_length_fit(self, watched: Pool) -> None:
        huge = "x" * 5_000
        judge(watched.pk, [Finding(CAUSE, Level.WARNING, name=huge, title=huge, text=huge)], now_ms=NOON_MS)
        assert QuotaAlert.objects.exists()

    def test_who_looked_for_one_kind_says_nothing_of_others(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        away = found(cause=Cause(CauseKind.REDIS_AWAY, Subject.POOL, "p"))
        judge(watched.pk, [away], now_ms=NOON_MS + 1, kinds=[CauseKind.REDIS_AWAY])
        assert QuotaAlert.objects.open().count() == 2


class TestOfADeletedPool:
    def test_alerts_end_and_that_is_told(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        watched.delete()
        assert [resolve_orphans(now=timezone.now()) for _ in range(2)] == [1, 0]
        assert [moved.step for _, moved in claim_untold_orphans(now=timezone.now())] == ["opened", "resolved"]
        assert not PoolWatch.objects.exists()

    def test_those_of_other_pools_stay(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        assert resolve_orphans(now=timezone.now()) == 0
        assert claim_untold_orphans(now=timezone.now()) == []


class TestTelling:
    def test_each_step_is_claimed_once_and_in_its_order(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        judge(watched.pk, [], now_ms=NOON_MS + 1)
        now = timezone.now()
        assert [moved.step for _, moved in claim_untold(watched.pk, now=now)] == ["opened", "resolved"]
        assert claim_untold(watched.pk, now=now) == []

    def test_what_a_dead_worker_claimed_is_told_by_another(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        now = timezone.now()
        claim_untold(watched.pk, now=now)
        assert len(claim_untold(watched.pk, now=now + CLAIMED_FOR + timedelta(seconds=1))) == 1

    def test_what_is_told_is_never_claimed_again(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        mark_told(pk for pk, _ in claim_untold(watched.pk, now=timezone.now()))
        assert claim_untold(watched.pk, now=timezone.now() + timedelta(days=1)) == []


class TestAcknowledging:
    def test_it_is_noted_who_and_when_and_nothing_else_changes(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        before, now = dict[str, Any](QuotaAlert.objects.values().get()), timezone.now()
        assert alerts.acknowledge(QuotaAlert.objects.get(), by="alice", now=now)
        after = dict[str, Any](QuotaAlert.objects.values().get())
        changed = {name: value for name, value in after.items() if value != before[name]}
        assert changed == {"acknowledged_at": now, "acknowledged_by": "alice", "steps": 2}

    def test_the_first_one_wins(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        alert = QuotaAlert.objects.get()
        assert [alerts.acknowledge(alert, by=who, now=timezone.now()) for who in ("alice", "bob")] == [True, False]
        assert alert.acknowledged_by == "alice"

    def test_people_are_told_who_it_was(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        mark_told(pk for pk, _ in claim_untold(watched.pk, now=timezone.now()))
        alerts.acknowledge(QuotaAlert.objects.get(), by="alice", now=timezone.now())
        assert [(it.step, it.by) for _, it in claim_untold(watched.pk, now=timezone.now())] == [
            ("acknowledged", "alice")
        ]

    def test_what_is_over_cannot_be_acknowledged(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        judge(watched.pk, [], now_ms=NOON_MS + 1)
        assert not alerts.acknowledge(QuotaAlert.objects.get(), by="alice", now=timezone.now())

    def test_what_gets_worse_wants_to_be_seen_again(self, watched: Pool) -> None:
        judge(watched.pk, [found()], now_ms=NOON_MS)
        alerts.acknowledge(QuotaAlert.objects.get(), by="alice", now=timezone.now())
        judge(watched.pk, [found(Level.CRITICAL)], now_ms=NOON_MS + 1)
        assert QuotaAlert.objects.get().acknowledged_at is None
        assert [kind for _, kind, _ in history()] == ["opened", "acknowledged", "escalated"]


class TestTurns:
    def test_one_worker_looks_at_a_pool_within_a_span(self, pool: Pool) -> None:
        now, every = timezone.now(), timedelta(seconds=1)
        assert [claim_look(pool.pk, now=now, every=every) for _ in range(3)] == [True, False, False]
        assert claim_look(pool.pk, now=now + every, every=every)

    def test_a_clock_far_ahead_of_ours_keeps_nobody_from_looking(self, pool: Pool) -> None:
        now, every = timezone.now(), timedelta(seconds=1)
        claim_look(pool.pk, now=now + timedelta(hours=1), every=every)
        assert claim_look(pool.pk, now=now, every=every)


@pytest.mark.django_db(transaction=True)
def test_sixteen_workers_that_judge_the_same_write_each_step_once(pool: Pool) -> None:
    claim_look(pool.pk, now=timezone.now(), every=ALWAYS)
    stages: list[list[Finding]] = [[found()], [found(Level.CRITICAL)], [], [found()], []]

    def work(at: int) -> list[tuple[int, Any]]:
        try:
            judge(pool.pk, stages[at // 16], now_ms=NOON_MS + at // 16)
            return claim_untold(pool.pk, now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=16) as workers:
        told = [step for steps in workers.map(work, range(16 * len(stages))) for step in steps]
    PoolWatch.objects.get()
    assert len(told) == len(dict(told)) == QuotaAlertStep.objects.count()
    for alert in QuotaAlert.objects.all():
        numbers = list(alert.history.values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
    assert QuotaAlert.objects.open().count() <= 1
