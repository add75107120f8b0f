"""The summary of a day: told once, a few minutes into the next one."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import ClaudeAccount
from quota.alert_store import claim_look, judge
from quota.alerting.values import Cause, CauseKind, Finding, Level, Subject
from quota.models import PoolWatch, UsageRollup
from quota.summaries import mark_summarized, summary_due
from tests.quota.alerting.cast import NOON_MS

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
MORNING = MIDNIGHT + timedelta(minutes=5)


@pytest.fixture
def watched(alice: ClaudeAccount) -> ClaudeAccount:
    claim_look(alice.pool_id, now=MIDNIGHT - timedelta(days=1), every=timedelta(0))
    return alice


def day(account: ClaudeAccount, at: datetime, **columns: int) -> None:
    UsageRollup.objects.create(pool_id=account.pool_id, account=account, span="day", starts_at=at, **columns)


def test_it_says_what_the_day_and_the_month_came_to_and_what_is_open(watched: ClaudeAccount) -> None:
    day(watched, MIDNIGHT - timedelta(days=1), requests=5, failures=1, tokens=100, cost_nano=7)
    day(watched, MIDNIGHT - timedelta(days=3), requests=9, cost_nano=3)
    day(watched, MIDNIGHT, requests=99, cost_nano=99)
    cause = Cause(CauseKind.BREAKER, Subject.ACCOUNT, "a")
    judge(watched.pool_id, [Finding(cause, Level.WARNING, title="alice: circuit open")], now_ms=NOON_MS)
    summary = summary_due(watched.pool_id, (), now=MORNING)
    assert summary
    assert (summary.day, summary.requests, summary.failures, summary.tokens) == ("2026-11-22", 5, 1, 100)
    assert (summary.cost_nano, summary.month_cost_nano, summary.open_alerts) == (7, 10, ("alice: circuit open",))


def test_it_waits_for_what_ends_shortly_after_midnight(watched: ClaudeAccount) -> None:
    day(watched, MIDNIGHT - timedelta(days=1), requests=5)
    assert summary_due(watched.pool_id, (), now=MORNING - timedelta(seconds=1)) is None


def test_once_told_it_is_not_told_again_before_the_next_day(watched: ClaudeAccount) -> None:
    day(watched, MIDNIGHT - timedelta(days=1), requests=5)
    mark_summarized(watched.pool_id, today=date(2026, 11, 23))
    assert summary_due(watched.pool_id, (), now=MORNING + timedelta(hours=23)) is None


def test_a_day_of_nothing_is_not_worth_a_message(watched: ClaudeAccount) -> None:
    assert summary_due(watched.pool_id, (), now=MORNING) is None
    assert PoolWatch.objects.get().summary_day == date(2026, 11, 23)


def test_a_pool_that_is_watched_since_today_has_no_yesterday(alice: ClaudeAccount) -> None:
    claim_look(alice.pool_id, now=MORNING, every=timedelta(0))
    day(alice, MIDNIGHT - timedelta(days=1), requests=5)
    assert summary_due(alice.pool_id, (), now=MORNING) is None
