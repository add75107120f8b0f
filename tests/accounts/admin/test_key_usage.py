"""An access key's page shows what it has used: today, and of each of its limits."""

import asyncio
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.access import issue_access_key
from quota.engine.types import LeaseRequest, Settlement, Verdict
from quota.facts import Span
from quota.models import UsageRollup
from quota.publish import publish_pool
from quota.wiring import open_patient_engine
from tests.accounts.admin.pages import person, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return person("viewer")


@pytest.fixture
def key(alpha):
    _, made = issue_access_key(name="bot", scopes=["messages"], pool=alpha.pool)
    type(made).objects.filter(pk=made.pk).update(limit_requests_day=4, limit_cost_month=10)
    made.refresh_from_db()
    publish_pool(alpha.pool_id)
    return made


def page_of(client, key):
    return text(client.get(reverse("admin:accounts_accesskey_change", args=[key.pk])))


def used(key):
    async def call():
        engine = open_patient_engine()
        request = LeaseRequest(str(key.pool_id), "l1", "claude-opus-5-5", "opus", client=key.client())
        await engine.lease(request)
        await engine.settle(str(key.pool_id), "l1", Settlement(Verdict.SUCCESS, tokens=600, cost=5_000_000_000))
        await engine.close()

    asyncio.run(call())


def test_each_limit_is_a_bar(viewer, key):
    used(key)
    page = page_of(viewer, key)
    assert "1 of 4 (25 %), anew" in page
    assert "$5.00 of $10.00 (50 %)" in page


def test_the_day_is_the_ledgers(viewer, key):
    midnight = datetime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spent = {"requests": 1_234, "tokens": 5_000, "cost_nano": 7 * 10**9}
    whose = {"pool_id": key.pool_id, "account_id": key.pool.accounts.get().pk, "access_key": str(key.pk)}
    UsageRollup.objects.create(span=Span.DAY, starts_at=midnight, **whose, **spent)
    page = page_of(viewer, key)
    assert all(said in page for said in ("1,234", "5K", "$7.00"))


def test_without_redis_the_page_says_so_and_still_opens(viewer, key, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "nobody can tell what is left of its limits now" in page_of(viewer, key)


def test_who_may_not_see_usage_sees_the_key_alone(client, key, django_user_model):
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_accesskey"))
    client.force_login(user)
    assert "Requests today" not in page_of(client, key)
