"""The pages of alerts show what is open, its history, and let a person take note."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Pool
from quota.alert_store import claim_look, judge
from quota.alerting.values import Cause, CauseKind, Finding, Level, Subject
from quota.models import QuotaAlert
from tests.quota.alerting.cast import NOON_MS
from tests.quota.test_alerts import ALWAYS

pytestmark = pytest.mark.django_db
LIST = "admin:quota_quotaalert_changelist"


def some_alerts(pool: Pool, *names: str, at: int = 0) -> None:
    claim_look(pool.pk, now=timezone.now(), every=ALWAYS)
    causes = [Cause(CauseKind.LIMIT, Subject.ACCOUNT, name) for name in names]
    found = [Finding(cause, Level.WARNING, name=cause.id, title=f"<b>{cause.id}</b> is at 80 %") for cause in causes]
    judge(pool.pk, found, now_ms=NOON_MS + at)


def acknowledge(client: Client) -> None:
    ids = [str(pk) for pk in QuotaAlert.objects.values_list("pk", flat=True)]
    client.post(reverse(LIST), {"action": "acknowledge", "_selected_action": ids})


def test_open_alerts_are_listed_and_resolved_ones_when_asked_for(pool: Pool, admin_client: Client) -> None:
    some_alerts(pool, "alice")
    some_alerts(pool, "bob", at=1)
    shown = [row.subject_name for row in admin_client.get(reverse(LIST)).context["cl"].result_list]
    over = [
        row.subject_name for row in admin_client.get(reverse(LIST), {"state": "resolved"}).context["cl"].result_list
    ]
    assert (shown, over) == (["bob"], ["alice"])


def test_the_list_costs_the_same_few_questions_however_long_it_is(
    pool: Pool, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    some_alerts(pool, *map(str, range(5)))
    with django_assert_max_num_queries(10) as asked:
        admin_client.get(reverse(LIST))
    some_alerts(pool, *map(str, range(40)), at=1)
    with django_assert_max_num_queries(len(asked)):
        admin_client.get(reverse(LIST))


def test_an_alerts_page_tells_its_history_escaped_even_when_it_is_over(pool: Pool, admin_client: Client) -> None:
    some_alerts(pool, "alice")
    some_alerts(pool, at=1)
    page = reverse("admin:quota_quotaalert_change", args=[QuotaAlert.objects.get().pk])
    shown = admin_client.get(page).content.decode()
    assert "UTC: resolved (warning)" in shown
    assert "<b>alice</b>" not in shown


def test_an_administrator_acknowledges_by_name(pool: Pool, admin_client: Client) -> None:
    some_alerts(pool, "alice")
    acknowledge(admin_client)
    assert QuotaAlert.objects.get().acknowledged_by == "admin"


def test_charlie_who_may_only_look_cannot_acknowledge(pool: Pool, client: Client) -> None:
    charlie = User.objects.create_user("charlie", is_staff=True)
    charlie.user_permissions.add(Permission.objects.get(codename="view_quotaalert"))
    client.force_login(charlie, backend="django.contrib.auth.backends.ModelBackend")
    some_alerts(pool, "alice")
    acknowledge(client)
    assert QuotaAlert.objects.get().acknowledged_at is None
