"""The questions that pages ask of the ledger are answered by indexes: no plan reads a table whole."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from quota.admin.activities import searched
from quota.models import Activity, Attempt, UsageRollup
from quota.models.attempts import FAILED

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="plans are SQLite's here"),
]
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def plan(rows):
    return rows.explain()


def test_the_last_error_of_an_account(alice):
    rows = Attempt.objects.filter(FAILED, account=alice.pk).order_by("-granted_at").values("pk")[:1]
    assert "attempt_failed_by_account" in plan(rows)


def test_errors_of_a_period(db):
    rows = Attempt.objects.filter(FAILED, granted_at__gte=NOW - timedelta(days=30)).order_by().values("outcome")
    assert "attempt_failed_by_time" in plan(rows)


def test_the_last_hour(db):
    assert "attempt_recent" in plan(Attempt.objects.filter(granted_at__gte=NOW).order_by())


def test_the_list_of_rollups(db):
    assert "rollup_recent" in plan(UsageRollup.objects.all()[:26])


@pytest.mark.parametrize(
    ("column", "index"),
    [("session", "by_session"), ("request_id", "by_request_id"), ("access_key", "by_key"), ("error_type", "by_error")],
)
def test_a_search(alice, column, index):
    Activity.objects.create(
        pool_id=alice.pool_id, status="failed", started_at=NOW, seen_at=NOW, **{column: "looked-for"}
    )
    assert index in plan(searched(Activity.objects.order_by("-started_at"), "looked-for"))
