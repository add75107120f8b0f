"""The admin pages show what happened, cost few questions, and change nothing."""

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import ClaudeAccount
from quota.admin.activities import with_names
from quota.admin.attempts import AttemptAdmin
from quota.ledger import Unreadable, write
from quota.models import Attempt
from quota.records import ActivityEnded, ActivityProgress, ActivityStarted, TokenUsage
from tests.quota.entries import activity, attempt, event, expired, lease_note, settled

pytestmark = pytest.mark.django_db
PAGES = ("activity", "attempt", "usagerollup", "setaside")


def page(table: str) -> str:
    return reverse(f"admin:quota_{table}_changelist")


def some_requests(alice: ClaudeAccount, count: int) -> None:
    for number in range(count):
        lease = f"lease-{number}"
        head = ActivityStarted(activity(number), "orchestrator", str(alice.pool_id), "claude-opus-5", session="s-1")
        tail = ActivityEnded(
            activity(number),
            ok=True,
            account=str(alice.pk),
            model="claude-opus-5",
            usage=TokenUsage(5, 10),
            cost_nano=41_000_000,
            attempts=(attempt(2, of=number, account=alice.pk, request_id=f"req_{number}"),),
            decision=("alice: overloaded (529)", "<b>bob</b>: answered"),
        )
        write(
            alice.pool_id,
            [
                event(1, "activity.started", head),
                event(2, "activity.progress", ActivityProgress(activity(number), 1, str(alice.pk), "overloaded")),
                settled(3, lease=lease, account=alice.pk, note=attempt(2, of=number, account=alice.pk)),
                event(4, "activity.completed", tail),
                expired(5, lease=f"{lease}-dead", account=alice.pk, note=lease_note(1, of=number)),
            ],
            [Unreadable(f"{number}-1", "nonsense")],
        )


@pytest.mark.parametrize("table", PAGES)
def test_a_list_costs_the_same_few_questions_however_long_it_is(
    table: str, alice: ClaudeAccount, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    some_requests(alice, 12)
    with django_assert_max_num_queries(10) as asked:
        assert admin_client.get(page(table)).status_code == 200
    few = len(asked)
    some_requests(alice, 30)
    with django_assert_max_num_queries(few):
        admin_client.get(page(table))


def test_an_activitys_page_tells_its_decisions_in_order_and_escaped(alice: ClaudeAccount, admin_client: Client) -> None:
    some_requests(alice, 1)
    shown = admin_client.get(reverse("admin:quota_activity_change", args=[activity(0)])).content.decode()
    assert shown.index("alice: overloaded (529)") < shown.index("&lt;b&gt;bob&lt;/b&gt;: answered")
    assert "$0.0410" in shown


def moved_away(alice: ClaudeAccount, *, cost_nano: int) -> str:
    """The page of a request whose session left alice's account."""
    tail = ActivityEnded(activity(0), ok=True, moved_from=str(alice.pk), move_cost_nano=cost_nano)
    write(alice.pool_id, [event(1, "activity.completed", tail)])
    return reverse("admin:quota_activity_change", args=[activity(0)])


def test_an_activitys_page_says_where_its_session_was_and_what_leaving_cost(
    alice: ClaudeAccount, admin_client: Client
) -> None:
    page_of_it = moved_away(alice, cost_nano=12_300_000)
    assert "moved from alice; re-creating the cache cost about $0.0123" in admin_client.get(page_of_it).content.decode()


def test_a_move_that_cost_nothing_is_said_without_a_price(alice: ClaudeAccount, admin_client: Client) -> None:
    shown = admin_client.get(moved_away(alice, cost_nano=0)).content.decode()
    assert "moved from alice" in shown
    assert "re-creating" not in shown


def test_a_call_nobody_reported_on_shows_its_tokens_as_estimated(alice: ClaudeAccount, admin_client: Client) -> None:
    some_requests(alice, 1)
    shown = admin_client.get(page("attempt")).content.decode()
    assert "1000 (estimated)" in shown
    assert "15 (estimated)" not in shown


def test_a_decision_names_accounts_instead_of_their_ids(alice: ClaudeAccount) -> None:
    stranger = str(uuid.UUID(int=99))
    assert with_names([f"account {alice.pk}: ok", f"account {stranger}: ?"]) == [
        "account alice: ok",
        f"account {stranger}: ?",
    ]


def test_an_activitys_page_links_every_call_that_was_charged(
    alice: ClaudeAccount, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    some_requests(alice, 1)
    with django_assert_max_num_queries(8):
        shown = admin_client.get(reverse("admin:quota_activity_change", args=[activity(0)])).content.decode()
    assert all(reverse("admin:quota_attempt_change", args=[call.pk]) in shown for call in Attempt.objects.all())


def test_a_calls_page_links_its_activity(alice: ClaudeAccount, admin_client: Client) -> None:
    some_requests(alice, 1)
    call = Attempt.objects.order_by("number").last()
    assert call
    shown = admin_client.get(reverse("admin:quota_attempt_change", args=[call.pk])).content.decode()
    assert reverse("admin:quota_activity_change", args=[activity(0)]) in shown


def test_calls_of_a_deleted_account_are_still_listed(alice: ClaudeAccount, admin_client: Client) -> None:
    write(alice.pool_id, [settled(1, account=uuid.UUID(int=99))])
    by_account = {"o": "6"}
    shown = admin_client.get(page("attempt"), by_account).content.decode()
    assert f"deleted ({uuid.UUID(int=99)})" in shown


@pytest.mark.parametrize(("length", "found"), [(8, 5), (35, 5), (36, 1)])
def test_activities_are_found_by_the_beginning_of_an_id(
    length: int, found: int, alice: ClaudeAccount, admin_client: Client
) -> None:
    some_requests(alice, 5)
    answer = admin_client.get(page("activity"), {"q": activity(3)[:length]})
    assert len(answer.context["cl"].result_list) == found


def test_the_beginning_of_another_id_finds_nothing(alice: ClaudeAccount, admin_client: Client) -> None:
    some_requests(alice, 1)
    assert not admin_client.get(page("activity"), {"q": "ffffffff"}).context["cl"].result_list


def test_a_call_that_failed_is_not_green(alice: ClaudeAccount, admin_client: Client) -> None:
    write(alice.pool_id, [settled(1, account=alice.pk, verdict="failure")])
    shown = AttemptAdmin(Attempt, admin.site).shown_outcome(Attempt.objects.get())
    assert shown[0] == "failure"
    assert "bg-green" not in admin_client.get(page("attempt")).content.decode().partition("<tbody")[2]


@pytest.mark.parametrize("term", [activity(3), "req_3", f" {activity(3)} "])
def test_an_activity_is_found_by_its_id_and_by_the_upstreams(
    term: str, alice: ClaudeAccount, admin_client: Client
) -> None:
    some_requests(alice, 5)
    answer = admin_client.get(page("activity"), {"q": term})
    assert [str(row.pk) for row in answer.context["cl"].result_list] == [activity(3)]


def test_a_search_for_anything_is_answered(alice: ClaudeAccount, admin_client: Client) -> None:
    for table in PAGES:
        assert admin_client.get(page(table), {"q": "x'\"%\x01 y"}).status_code == 200


def test_a_filter_narrows_the_list(alice: ClaudeAccount, admin_client: Client) -> None:
    some_requests(alice, 2)
    write(alice.pool_id, [expired(9, lease="gone", account=alice.pk, note=lease_note(1, of=77))])
    answer = admin_client.get(page("activity"), {"status__exact": "unknown"})
    assert [str(row.pk) for row in answer.context["cl"].result_list] == [activity(77)]


@pytest.mark.parametrize("table", ["activity", "attempt"])
def test_the_cost_of_what_died_under_way_is_marked_as_an_estimate(
    table: str, alice: ClaudeAccount, admin_client: Client
) -> None:
    write(alice.pool_id, [expired(9, cost=41_000_000, account=alice.pk, note=lease_note(1, of=77))])
    assert "$0.0410 (estimate)" in admin_client.get(page(table)).content.decode()


@pytest.mark.parametrize("table", PAGES)
def test_nobody_edits_history_not_even_an_administrator(table: str, alice: ClaudeAccount, admin_client: Client) -> None:
    some_requests(alice, 1)
    assert admin_client.get(reverse(f"admin:quota_{table}_add")).status_code == 403
    table_model = apps.get_model("quota", table)
    row, count = table_model.objects.first(), table_model.objects.count()
    admin_client.post(page(table), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert admin_client.post(reverse(f"admin:quota_{table}_delete", args=[row.pk])).status_code == 403
    assert table_model.objects.count() == count


@pytest.mark.parametrize("table", PAGES)
def test_those_who_may_not_see_it_are_sent_to_the_door(table: str, client: Client) -> None:
    assert client.get(page(table)).status_code == 302
