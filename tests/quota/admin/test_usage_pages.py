"""Usage pages read rollups and nothing else, for whoever may see them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accounts.access import issue_access_key
from accounts.models import AccessKey, ClaudeAccount
from quota.models import UsageRollup
from tests.accounts.admin.pages import person, text

pytestmark = pytest.mark.django_db
NOW = datetime.now(tz=UTC)


@pytest.fixture
def viewer() -> Client:
    return person("viewer")


@pytest.fixture
def bot(alice: ClaudeAccount) -> AccessKey:
    return issue_access_key(name="bot", scopes=["messages"], pool=alice.pool)[1]


def used(alice: ClaudeAccount, *, key: str = "", model: str = "claude-opus-5-5", span: str = "hour") -> None:
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    start = hour if span == "hour" else hour.replace(hour=0)
    counts = {"attempts": 4, "requests": 3, "failures": 1, "tokens": 1_500, "cost_nano": 2_500_000_000}
    UsageRollup.objects.create(
        pool_id=alice.pool_id, account=alice, model=model, access_key=key, span=span, starts_at=start, **counts
    )


def page_of(kind: str, row: Any) -> str:
    return reverse(f"admin:accounts_{kind}_usage", args=[row.pk])


def test_an_accounts_usage_is_summed(viewer: Client, alice: ClaudeAccount) -> None:
    used(alice)
    used(alice, model="claude-haiku-4-5")
    page = viewer.get(page_of("claudeaccount", alice))
    assert (page.context["usage"].total.requests, str(page.context["usage"].total.cost)) == (6, "5.000000000")
    assert "claude-haiku-4-5" in text(page)


def test_a_pools_usage_names_its_accounts_and_keys(viewer: Client, alice: ClaudeAccount, bot: AccessKey) -> None:
    used(alice, key=str(bot.pk))
    page = text(viewer.get(page_of("pool", alice.pool)))
    assert "By account" in page
    assert "bot" in page


def test_an_access_keys_usage_is_its_own(viewer: Client, alice: ClaudeAccount, bot: AccessKey) -> None:
    used(alice, key=str(bot.pk))
    used(alice, key="another", model="m")
    assert viewer.get(page_of("accesskey", bot)).context["usage"].total.requests == 3


@pytest.mark.parametrize("period", ["7d", "30d"])
def test_longer_periods_go_by_the_day(viewer: Client, alice: ClaudeAccount, period: str) -> None:
    used(alice, span="day")
    page = viewer.get(page_of("claudeaccount", alice), {"period": period})
    assert page.context["usage"].series[-1].spent.requests == 3


def test_an_empty_period_says_so(viewer: Client, alice: ClaudeAccount) -> None:
    assert "Nothing was used in this period" in text(viewer.get(page_of("claudeaccount", alice)))


def test_usage_comes_as_a_file_too(viewer: Client, alice: ClaudeAccount) -> None:
    used(alice)
    answer: Any = viewer.get(page_of("claudeaccount", alice), {"format": "csv"})
    header, line = b"".join(answer.streaming_content).decode().splitlines()
    assert answer["Content-Type"].startswith("text/csv")
    assert header.endswith("cost_usd")
    assert line.endswith("3,1,0,1500,2.500000000")


def test_who_may_not_see_usage_is_refused(client: Client, alice: ClaudeAccount) -> None:
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(page_of("claudeaccount", alice)).status_code == 403


def test_a_page_costs_the_same_few_questions_however_much_there_is(
    viewer: Client, alice: ClaudeAccount, django_assert_max_num_queries: Any
) -> None:
    used(alice)
    with django_assert_max_num_queries(12) as few:
        viewer.get(page_of("pool", alice.pool))
    for number in range(200):
        used(alice, model=f"m-{number}")
    with django_assert_max_num_queries(len(few)):
        viewer.get(page_of("pool", alice.pool))
