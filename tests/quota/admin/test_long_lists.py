"""Lists of requests and calls: found by indexes, counted up to a bound, taken away as a file."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse

from accounts.access import issue_access_key
from accounts.models import ClaudeAccount
from quota.admin import long_lists
from quota.admin.long_lists import about_how_many
from quota.admin.reading import in_batches
from quota.models import Activity
from tests.accounts.admin.pages import person, text

pytestmark = pytest.mark.django_db
LIST = "admin:quota_activity_changelist"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def viewer() -> Client:
    return person("viewer")


def requests(alice: ClaudeAccount, count: int, **columns: Any) -> list[Activity]:
    at = [NOON - timedelta(seconds=number // 2) for number in range(count)]
    rows = [Activity(pool_id=alice.pool_id, account=alice, started_at=one, seen_at=one, **columns) for one in at]
    return Activity.objects.bulk_create(rows)


def found(viewer: Client, term: str) -> int:
    return len(viewer.get(reverse(LIST), {"q": term}).context["cl"].result_list)


def test_a_request_is_found_by_whatever_names_it(viewer: Client, alice: ClaudeAccount) -> None:
    _, key = issue_access_key(name="bot", scopes=["messages"], pool=alice.pool)
    requests(alice, 3, status="completed")
    columns = {"session": "s-1", "request_id": "req_1", "access_key": str(key.pk), "error_type": "api_error"}
    (row,) = requests(alice, 1, status="failed", **columns)
    terms = (*columns.values(), "bot", str(row.pk), str(row.pk)[:8], " s-1 ")
    assert [found(viewer, term) for term in terms] == [1] * len(terms)


def test_what_names_nothing_finds_nothing(viewer: Client, alice: ClaudeAccount) -> None:
    requests(alice, 3, status="completed")
    assert found(viewer, "nobody") == 0


def test_rows_are_counted_up_to_a_bound(viewer: Client, alice: ClaudeAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lists, "COUNTED", 10)
    requests(alice, 12, status="completed")
    if connection.vendor == "postgresql":
        connection.cursor().execute("ANALYZE quota_activity")  # its estimates come with the autovacuum, else
    page = viewer.get(reverse(LIST))
    assert page.context["cl"].result_count == 10
    assert "About" in text(page)


@pytest.mark.django_db
def test_the_size_of_a_table_is_estimated(alice: ClaudeAccount) -> None:
    assert about_how_many(Activity.objects.all()) >= 0


def test_every_row_is_in_exactly_one_batch(alice: ClaudeAccount) -> None:
    made = {row.pk for row in requests(alice, 25, status="completed")}
    walked = [row.pk for row in in_batches(Activity.objects.all(), by="started_at", size=4)]
    assert (len(walked), set(walked)) == (25, made)


def test_the_file_holds_what_the_filters_leave(viewer: Client, alice: ClaudeAccount) -> None:
    requests(alice, 2, status="completed")
    requests(alice, 1, status="failed", error_message="=cmd()", decision=["alice: overloaded", "bob: answered"])
    answer: Any = viewer.get(reverse(LIST), {"status__exact": "failed", "format": "csv"})
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (row["status"], row["account_name"], row["error_message"]) == ("failed", "alice", "'=cmd()")
    assert row["decision"] == "alice: overloaded; bob: answered"


@pytest.mark.django_db(transaction=True)
async def test_an_async_server_streams_the_file_too(alice: ClaudeAccount) -> None:
    from asgiref.sync import sync_to_async
    from django.contrib.auth.models import User

    await sync_to_async(requests)(alice, 700, status="completed")
    client = AsyncClient()
    await client.aforce_login(await User.objects.acreate_superuser("root"))
    answer: Any = await client.get(reverse(LIST), {"format": "csv"})
    parts = [part async for part in answer.streaming_content]
    assert len(parts) == 2
    assert b"".join(parts).count(b"\r\n") == 701


@pytest.mark.parametrize("table", ["activity", "attempt", "usagerollup", "sessionrollup"])
def test_an_empty_list_says_what_to_do_next(viewer: Client, db: None, table: str) -> None:
    assert "Set up a client" in text(viewer.get(reverse(f"admin:quota_{table}_changelist")))


def test_200_requests_cost_as_many_queries_as_two(
    viewer: Client, alice: ClaudeAccount, django_assert_max_num_queries: Any
) -> None:
    _, key = issue_access_key(name="bot", scopes=["messages"], pool=alice.pool)
    requests(alice, 2, status="completed", access_key=str(key.pk))
    with django_assert_max_num_queries(8) as two:
        viewer.get(reverse(LIST))
    requests(alice, 198, status="completed", access_key=str(key.pk))
    with django_assert_max_num_queries(len(two)):
        viewer.get(reverse(LIST))
