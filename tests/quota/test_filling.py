"""A made-up database is whole: calls, requests and rollups agree, and nothing real is ever mixed with it."""

from datetime import UTC, datetime

import pytest
from django.db.models import Sum

from accounts.models import ClaudeAccount
from quota.filling import NotEmpty, fill
from quota.models import Activity, Attempt, SessionRollup, UsageRollup

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_it_has_as_much_as_was_asked_for(db):
    fill(accounts=3, activities=20, now=NOON)
    assert (ClaudeAccount.objects.count(), Activity.objects.count(), Attempt.objects.count()) == (3, 20, 20)


def test_its_rollups_are_the_sums_of_its_calls(db):
    fill(accounts=2, activities=50, now=NOON)
    calls = Attempt.objects.aggregate(t=Sum("tokens"), c=Sum("cost_nano"))
    assert UsageRollup.objects.filter(span="day").aggregate(t=Sum("tokens"), c=Sum("cost_nano")) == calls
    assert SessionRollup.objects.aggregate(t=Sum("tokens"), c=Sum("cost_nano")) == calls


def test_a_database_with_real_accounts_is_left_alone(alice):
    with pytest.raises(NotEmpty, match="real accounts"):
        fill(accounts=1, activities=1, now=NOON)


def test_a_database_with_requests_is_left_alone(db):
    fill(accounts=1, activities=1, now=NOON)
    with pytest.raises(NotEmpty, match="requests in this database"):
        fill(accounts=1, activities=1, now=NOON)
