"""The first page tells how the pools stand, what to do next, and asks few questions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accounts.access import issue_access_key
from accounts.models import ClaudeAccount, Pool
from quota import control
from quota.engine.types import Event
from quota.models import Activity, Attempt
from quota.publish import publish_pool
from tests.accounts.admin.pages import person, text
from tests.quota.admin.test_alert_pages import some_alerts
from tests.quota.conftest import key_of

pytestmark = pytest.mark.django_db
INDEX = "admin:index"


@pytest.fixture
def viewer() -> Client:
    return person("viewer")


def call(alice: ClaudeAccount, number: int = 1, *, at: datetime | None = None, **columns: Any) -> Attempt:
    granted = at or datetime.now(tz=UTC)
    usual = {"verdict": "success", "outcome": "success", "tokens": 100, "cost_nano": 10**9, "model": "claude-opus-5-5"}
    return Attempt.objects.create(
        lease_id=f"l-{number}",
        pool_id=alice.pool_id,
        account=alice,
        state="settled",
        usage_day=granted.date(),
        granted_at=granted,
        entry=f"{number}-0",
        **(usual | columns),
    )


def request_of(alice: ClaudeAccount, **columns: Any) -> Activity:
    now = datetime.now(tz=UTC)
    return Activity.objects.create(pool_id=alice.pool_id, account=alice, started_at=now, seen_at=now, **columns)


def test_a_pool_is_told_in_one_line(viewer: Client, alice: ClaudeAccount) -> None:
    publish_pool(alice.pool_id)
    assert "1 of 1 account serving · no limit for the day" in text(viewer.get(reverse(INDEX)))


def test_an_empty_installation_says_what_to_do_first(admin_client: Client, db: None) -> None:
    Pool.objects.create(name="default")
    page = text(admin_client.get(reverse(INDEX)))
    assert "Add a Claude account" in page
    assert "Make an access key" in page
    assert "No request has come in yet" in page


def test_the_first_steps_are_gone_when_they_are_done(viewer: Client, alice: ClaudeAccount) -> None:
    issue_access_key(name="bot", scopes=["messages"], pool=alice.pool)
    assert "First steps" not in text(viewer.get(reverse(INDEX)))


def test_without_redis_the_page_says_so_and_still_opens(viewer: Client, alice: ClaudeAccount, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    page = viewer.get(reverse(INDEX))
    assert page.status_code == 200
    assert "Redis does not answer" in text(page)


def test_the_last_hour_is_shown_minute_by_minute(viewer: Client, alice: ClaudeAccount) -> None:
    call(alice)
    requests, tokens, cost = viewer.get(reverse(INDEX)).context["charts"]
    assert (requests.total, tokens.total, cost.total) == ("1", "100", "$1.00")


def test_errors_are_counted_by_kind(viewer: Client, alice: ClaudeAccount) -> None:
    call(alice, 1, verdict="overloaded", outcome="overloaded")
    call(alice, 2, verdict="failure", outcome="timeout")
    call(alice, 3, verdict="failure", outcome="timeout")
    call(alice, 4, verdict="failure", outcome="cut", at=datetime.now(tz=UTC) - timedelta(hours=2))
    wrong = viewer.get(reverse(INDEX)).context["troubles"]
    assert [(one.outcome, one.calls) for one in wrong] == [("timeout", 2), ("overloaded", 1)]


def test_the_latest_requests_are_listed(viewer: Client, alice: ClaudeAccount) -> None:
    request_of(alice, status="completed", served_model="claude-opus-5-5")
    assert "claude-opus-5-5" in text(viewer.get(reverse(INDEX)))


def test_open_alerts_are_at_the_top(viewer: Client, pool: Pool) -> None:
    some_alerts(pool, "alice")
    page = text(viewer.get(reverse(INDEX)))
    assert "&lt;b&gt;alice&lt;/b&gt; is at 80 %" in page
    assert "No alert is open" not in page


def test_what_happened_to_accounts_is_told_in_words(viewer: Client, alice: ClaudeAccount) -> None:
    publish_pool(alice.pool_id)
    control.force_open(alice.pool_id, str(alice.pk), actor="ada", why="maintenance")
    assert "alice: breaker forced open by ada (maintenance)" in text(viewer.get(reverse(INDEX)))


def test_requests_are_told_elsewhere(viewer: Client, alice: ClaudeAccount) -> None:
    publish_pool(alice.pool_id)
    started = Event("agent_started", '{"activity": "x"}')
    control.ask(alice.pool_id, lambda engine: engine.emit(str(alice.pool_id), [started]))
    assert viewer.get(reverse(INDEX)).context["events"] == []


@pytest.mark.parametrize("period", ["1h", "24h", "7d", "30d", "nonsense"])
def test_every_period_opens(viewer: Client, alice: ClaudeAccount, period: str) -> None:
    assert viewer.get(reverse(INDEX), {"period": period}).status_code == 200


def test_one_pool_is_shown_alone_if_asked_for(viewer: Client, alice: ClaudeAccount) -> None:
    Pool.objects.create(name="other")
    pools = viewer.get(reverse(INDEX), {"pool": str(alice.pool_id)}).context["shown_pools"]
    assert [one.pool.name for one, *_ in pools] == ["default"]


def test_somebody_without_a_role_sees_nothing_of_the_pool(client: Client, alice: ClaudeAccount) -> None:
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    page = text(client.get(reverse(INDEX)))
    assert "You may not see the pool yet" in page
    assert "alice" not in page


def test_200_accounts_cost_as_many_queries_as_two(
    viewer: Client, alice: ClaudeAccount, django_assert_max_num_queries: Any
) -> None:
    def many(first: int, last: int) -> None:
        rows = [ClaudeAccount(pool=alice.pool, name=f"n{n}", api_key=key_of(f"n{n}")) for n in range(first, last)]
        ClaudeAccount.objects.bulk_create(rows)
        publish_pool(alice.pool_id)

    many(0, 1)
    with django_assert_max_num_queries(16) as two:
        viewer.get(reverse(INDEX))
    many(1, 199)
    with django_assert_max_num_queries(len(two)):
        page = viewer.get(reverse(INDEX))
    assert page.context["shown_pools"][0][0].hidden == 188


def test_the_page_has_no_script_of_its_own(viewer: Client, alice: ClaudeAccount) -> None:
    page = text(viewer.get(reverse(INDEX)))
    inline = [part for part in page.split("<script")[1:] if "src=" not in part.split(">")[0]]
    assert all("nonce=" in part.split(">")[0] or 'type="application/json"' in part for part in inline)
