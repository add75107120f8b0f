"""`/api/admin/activities/`, from the outside."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications.models import Letter, SinkState
from quota.activity_log import Place
from quota.models import Activity, Attempt
from tests.rest import callers

ACTIVITIES = "/api/admin/activities/"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def made(account, number=1, **facts):
    at = facts.pop("started_at", NOON + timedelta(seconds=number))
    common = {"pool": account.pool, "account": account, "status": "completed", "model": "claude-opus-5"}
    return Activity.objects.create(
        **{"id": uuid.UUID(int=number), **common, "started_at": at, "seen_at": at, "attempts": 1, **facts}
    )


def listed(caller, query=""):
    answer = caller.get(f"{ACTIVITIES}{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(page):
    return [uuid.UUID(one["id"]).int for one in page["results"]]


def test_the_newest_comes_first(viewer, alpha):
    for number in (1, 2, 3):
        made(alpha, number)
    assert ids(listed(viewer)) == [3, 2, 1]
    assert ids(listed(viewer, "?ordering=started_at")) == [1, 2, 3]


@pytest.mark.parametrize("ordering", ["started_at", "-started_at"])
def test_pages_lead_through_everything_once_even_within_one_instant(viewer, alpha, ordering):
    for number in range(1, 8):
        made(alpha, number, started_at=NOON)
    found, address = [], f"{ACTIVITIES}?page_size=2&ordering={ordering}"
    while address:
        page = viewer.get(address).json()
        found += ids(page)
        address = page["next"]
    expected = list(range(1, 8))
    assert found == (expected if ordering == "started_at" else expected[::-1])


def test_what_is_written_meanwhile_shifts_no_page(viewer, alpha):
    for number in (1, 2, 3, 4):
        made(alpha, number)
    first = listed(viewer, "?page_size=2")
    made(alpha, 5)
    assert ids(viewer.get(first["next"]).json()) == [2, 1]


def test_a_page_keeps_its_filters(viewer, alpha):
    for number in (1, 2, 3):
        made(alpha, number, session="a/b &c")
    made(alpha, 4)
    page = listed(viewer, "?session=a/b%20%26c&page_size=2")
    assert ids(viewer.get(page["next"]).json()) == [1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=failed", [2]),
        ("session=s2", [2]),
        ("access_key=k2", [2]),
        ("request_id=req_2", [2]),
        ("since=2026-11-20T12:00:02Z", [2]),
        ("until=2026-11-20T12:00:02Z", [1]),
        ("until=2026-11-20T13:00:02%2B01:00", [1]),
        ("status=failed&session=nobody", []),
    ],
)
def test_the_log_can_be_filtered(viewer, alpha, query, found):
    made(alpha, 1, session="s1")
    made(alpha, 2, status="failed", session="s2", access_key="k2", request_id="req_2")
    assert ids(listed(viewer, f"?{query}")) == found


def test_accounts_and_pools_can_be_asked_for(viewer, alpha, gamma):
    made(alpha, 1)
    made(gamma, 2)
    assert ids(listed(viewer, f"?account={gamma.pk}")) == [2]
    assert ids(listed(viewer, f"?pool={alpha.pool_id}")) == [1]


@pytest.mark.parametrize(
    "query",
    [
        "status=odd", "ordering=cost", "ordering=error_message", "error_message__regex=.*", "page_size=201",
        "cursor=nonsense", "cursor=%F0%9F%98%80", "since=yesterday", "session=%00", "account=alpha",
    ],
)  # fmt: skip
def test_a_query_outside_of_the_allow_lists_is_refused(viewer, query):
    assert viewer.get(f"{ACTIVITIES}?{query}").status_code == 400


def test_a_cursor_is_read_as_it_was_written():
    place = Place(NOON, uuid.uuid4())
    assert Place.read(str(place)) == place


def test_a_request_is_shown_with_all_that_was_decided_for_it(viewer, alpha, beta):
    activity = made(beta, 1, attempts=2, cost_nano=132_000, decision=["alpha: http 503", "beta: success"])
    common = {"pool": alpha.pool, "activity_id": activity.pk, "usage_day": NOON.date(), "state": "settled"}
    Attempt.objects.create(
        **common,
        account=beta,
        lease_id="2",
        number=2,
        granted_at=NOON,
        entry="2-0",
        outcome="success",
        cost_nano=132_000,
    )
    Attempt.objects.create(
        **common,
        account=alpha,
        lease_id="1",
        number=1,
        granted_at=NOON,
        entry="1-0",
        outcome="server_error",
        status=503,
    )
    shown = viewer.get(f"{ACTIVITIES}{activity.pk}/").json()
    assert shown["decision"] == ["alpha: http 503", "beta: success"]
    assert [(call["number"], call["account_name"], call["status"]) for call in shown["calls"]] == [
        (1, "alpha", 503), (2, "beta", None)
    ]  # fmt: skip
    assert shown["cost"] == {"usd": "0.000132", "nano_usd": 132_000, "known": True, "estimated": False}


def test_what_nobody_could_tell_is_marked_as_an_estimate(viewer, alpha):
    made(alpha, 1, status="unknown", cost_nano=9_000)
    assert listed(viewer)["results"][0]["cost"]["estimated"] is True


@pytest.fixture
def slack(settings):
    """One webhook for everything, and what the outbox calls it."""
    settings.SLACK_WEBHOOK_URL = "https://hooks.slack.example/services/T/B/X"
    return "Slack, shared webhook"


def told(viewer, activity):
    return viewer.get(f"{ACTIVITIES}{activity.pk}/").json()["told"]


def letter(activity, slack, **facts):
    event, thread = f"activity:{activity.pk}:ended", f"activity:{activity.pk}"
    return Letter.objects.create(event=event, thread=thread, sink=slack, content={}, at=NOON, made_at=NOON, **facts)


def test_a_request_says_whether_slack_was_told_of_it(viewer, alpha, slack):
    activity = made(alpha, 1)
    letter(activity, slack, state="sent", done_at=NOON)
    assert told(viewer, activity) == [
        {"destination": slack, "state": "sent", "at": "2026-11-20T12:00:00Z", "why": ""}
    ]  # fmt: skip


def test_a_message_that_waits_says_what_is_in_its_way(viewer, alpha, slack):
    activity = made(alpha, 1)
    SinkState.objects.create(name=slack, fingerprint="f", why="channel_not_found")
    letter(activity, slack)
    (one,) = told(viewer, activity)
    assert (one["state"], one["why"]) == ("waiting", "channel_not_found")


def test_a_destination_without_a_message_is_named_all_the_same(viewer, alpha, slack):
    (one,) = told(viewer, made(alpha, 1))
    assert (one["destination"], one["state"]) == (slack, "none")


def test_where_nobody_is_told_nobody_is_named(viewer, alpha, settings):
    settings.SLACK_ALERT_WEBHOOK_URL = "https://hooks.slack.example/services/T/B/X"  # of alerts, not of requests
    assert told(viewer, made(alpha, 1)) == []


def test_a_request_outlives_its_account(viewer, alpha):
    activity = made(alpha, 1, account_id=uuid.UUID(int=99))
    shown = viewer.get(f"{ACTIVITIES}{activity.pk}/").json()
    assert (shown["account"], shown["account_name"]) == (str(uuid.UUID(int=99)), None)
    assert ids(listed(viewer)) == [1]


def test_a_key_of_one_pool_reads_that_pools_log(alpha, gamma):
    made(alpha, 1)
    foreign = made(gamma, 2)
    caller = callers.key("admin-read", pool=alpha.pool)
    assert ids(listed(caller)) == [1]
    assert ids(listed(caller, f"?pool={gamma.pool_id}")) == []
    assert caller.get(f"{ACTIVITIES}{foreign.pk}/").status_code == 404


def test_the_list_costs_the_same_queries_for_2_and_for_200(viewer, alpha):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            page = listed(viewer, "?page_size=200")
        return len(captured), len(page["results"])

    facts = {"pool": alpha.pool, "account": alpha, "status": "completed", "started_at": NOON, "seen_at": NOON}
    Activity.objects.bulk_create(Activity(id=uuid.uuid4(), **facts) for _ in range(2))
    few = queries()
    Activity.objects.bulk_create(Activity(id=uuid.uuid4(), **facts) for _ in range(198))
    many = queries()
    assert (few[1], many[1]) == (2, 200)
    assert few[0] == many[0] <= 6
