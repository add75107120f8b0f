"""Forecasts from the rollups, as warnings, the admin site and REST have them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from quota.alert_scenes import scene_in
from quota.alerting.forecast import Outcome
from quota.alerting.values import Cause, CauseKind, Finding, Level, Subject
from quota.control import look
from quota.engine.types import Limit, Metric, Window
from quota.forecasts import explain_with, outlooks, read_history
from quota.models import UsageRollup
from quota.publish import publish_pool
from tests.quota.conftest import key_of

NOON = datetime(2026, 11, 22, 12, 20, tzinfo=UTC)
DAY = Limit(Metric.TOKENS, Window.DAY, 1_000)
MINUTE = Limit(Metric.TOKENS, Window.MINUTE, 1_000)


def hours(account: ClaudeAccount, *tokens: int, now: datetime = NOON, key: str = "") -> None:
    """The rollups of the latest whole hours, oldest first."""
    full = now.replace(minute=0, second=0, microsecond=0)
    for ago, amount in enumerate(reversed(tokens), start=1):
        at = full - timedelta(hours=ago)
        UsageRollup.objects.create(
            pool_id=account.pool_id, account=account, span="hour", starts_at=at, tokens=amount, access_key=key
        )


@pytest.mark.django_db
class TestHistory:
    def test_it_is_kept_by_account_by_key_and_for_the_pool(self, alice: ClaudeAccount) -> None:
        hours(alice, 1, 2, 3)
        hours(alice, 10, 20, 30, key="k")
        used = read_history(alice.pool_id, now=NOON).used
        by = {subject: list(spans) for (subject, _, metric, _), spans in used.items() if metric is Metric.TOKENS}
        both = [0, 0, 0, 11, 22, 33]
        assert by == {Subject.ACCOUNT: both, Subject.POOL: both, Subject.ACCESS_KEY: [0, 0, 0, 10, 20, 30]}

    def test_the_hour_that_runs_is_left_out(self, alice: ClaudeAccount) -> None:
        hours(alice, 7, now=NOON + timedelta(hours=1))
        assert not read_history(alice.pool_id, now=NOON).used


@pytest.mark.django_db
class TestWarnings:
    def test_a_warning_says_when_the_limit_is_out(self, alice: ClaudeAccount) -> None:
        hours(alice, *[100] * 6)
        finding = Finding(Cause(CauseKind.LIMIT, Subject.ACCOUNT, str(alice.pk)), Level.WARNING, limit=DAY, used=800)
        said = explain_with(alice.pool_id, now=NOON)(finding)
        assert said == "At the rate of the last 6 hours it is out about 14:20 (14:20–14:20)."

    @pytest.mark.parametrize(
        "finding",
        [
            Finding(Cause(CauseKind.BREAKER, Subject.ACCOUNT, "a"), Level.WARNING),
            Finding(Cause(CauseKind.LIMIT, Subject.ACCOUNT, "a"), Level.EXHAUSTED, limit=DAY, used=1_000),
            Finding(
                Cause(CauseKind.LIMIT, Subject.ACCOUNT, "a"),
                Level.WARNING,
                limit=Limit(Metric.TOKENS, Window.MINUTE, 1),
            ),
        ],
    )
    def test_where_it_makes_no_sense_nothing_is_said_and_nothing_asked(
        self, finding: Finding, pool: Pool, django_assert_num_queries: object
    ) -> None:
        with django_assert_num_queries(0):  # type: ignore[operator]
            assert explain_with(pool.pk, now=NOON)(finding) == ""


@pytest.mark.django_db(transaction=True)
def test_the_outlook_of_a_pool_has_every_limit_per_day_and_month() -> None:
    pool = Pool.objects.create(name="default", limit_cost_month=Decimal(100))
    limits = {"limit_tokens_day": 1_000_000, "limit_requests_minute": 5}
    alice = create_account(pool=pool, name="alice", api_key=key_of("alice"), **limits)
    publish_pool(pool.pk)
    now = datetime.now(tz=UTC)
    hours(alice, *[1] * 6, now=now)
    scene = scene_in(pool)
    found = outlooks(scene, look(pool.pk, clients=scene.clients), read_history(pool.pk, now=now))
    assert [(it.name, it.title, it.forecast.outcome) for it in found] == [
        ("alice", "tokens per day", Outcome.LASTS),
        ("default", "its budget, cost per month", Outcome.UNKNOWN),
    ]
