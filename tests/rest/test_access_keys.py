"""`/api/admin/access-keys/`, from the outside."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access import issue_access_key
from accounts.models import AccessKey
from tests.rest import callers
from tests.rest.callers import Caller

KEYS = "/api/admin/access-keys/"
ACCOUNTS = "/api/admin/accounts/"


def new(**facts):
    return {"name": "agents", "scopes": ["messages"], **facts}


def at(shown, action=""):
    return f"{KEYS}{shown['id']}/{action}"


def presented(plain):
    return Caller({"Authorization": f"Bearer {plain}"})


def test_a_new_key_is_shown_once_and_works(admin, pool):
    answer = admin.post(KEYS, new(scopes=["admin-read"]))
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert presented(made["key"]).get(ACCOUNTS).status_code == 200
    assert "key" not in admin.get(at(made)).json()
    assert made["key"] not in admin.get(at(made)).content.decode() + admin.get(KEYS).content.decode()


def test_a_key_is_listed_with_what_it_may_do_and_how_it_stands(viewer, pool):
    issue_access_key(name="old", scopes=["messages"], expires_at=timezone.now() - timedelta(days=1))
    issue_access_key(name="new", scopes=["messages"], pool=pool, models=["claude-*"], networks=["10.0.0.0/8"])
    shown = {key["name"]: key for key in viewer.get(KEYS).json()["results"]}
    assert shown["old"]["state"] == "expired"
    assert shown["new"]["pool_name"] == "main"
    assert (shown["new"]["allowed_models"], shown["new"]["allowed_networks"]) == (["claude-*"], ["10.0.0.0/8"])


def test_a_key_is_made_with_limits_and_shows_them(admin):
    limits = {"requests": {"minute": 60}, "cost": {"day": "12.50"}}
    made = admin.post(KEYS, new(limits=limits, max_concurrency=4)).json()
    shown = admin.get(at(made)).json()
    assert (shown["limits"]["requests"]["minute"], shown["limits"]["cost"]["day"]) == (60, "12.5")
    assert (shown["limits"]["tokens"]["month"], shown["max_concurrency"]) == (None, 4)
    assert {limit.amount for limit in AccessKey.objects.get().limits()} == {60, 12_500_000_000}


@pytest.mark.parametrize("state", ["usable", "expired", "revoked"])
def test_the_list_can_be_narrowed_to_a_state(viewer, state):
    issue_access_key(name="usable", scopes=["messages"])
    issue_access_key(name="expired", scopes=["messages"], expires_at=timezone.now() - timedelta(days=1))
    _, revoked = issue_access_key(name="revoked", scopes=["messages"])
    AccessKey.objects.filter(pk=revoked.pk).revoke(now=timezone.now())
    assert [key["name"] for key in viewer.get(f"{KEYS}?state={state}").json()["results"]] == [state]


def test_a_revoked_key_opens_nothing_any_more(admin):
    made = admin.post(KEYS, new(scopes=["admin-read"])).json()
    shown = admin.post(at(made, "revoke/")).json()
    assert (shown["state"], shown["revoked_at"] is None) == ("revoked", False)
    assert presented(made["key"]).get(ACCOUNTS).status_code == 401
    assert admin.post(at(made, "revoke/")).json() == shown


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"allowed_networks": ["here"]}, "allowed_networks"),
        ({"allowed_models": ["*x*"]}, "allowed_models"),
        ({"rpm": 5}, "rpm"),
        ({"limits": {"requests": {"minute": 0}}}, "limits.requests.minute"),
        ({"max_concurrency": 0}, "max_concurrency"),
    ],
)
def test_what_makes_no_sense_is_refused(admin, pool, facts, where):
    answer = admin.post(KEYS, new(**facts))
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, [where])
    assert not AccessKey.objects.exists()


def test_a_key_can_be_neither_changed_nor_deleted(admin):
    made = admin.post(KEYS, new()).json()
    for method in ("PUT", "PATCH", "DELETE"):
        assert admin.call(method, at(made), {}).status_code == 405


# nobody gives away more than they have


@pytest.mark.parametrize("scope", ["messages", "admin-read"])
def test_a_key_gives_no_scope_that_it_has_not_got(scope):
    answer = callers.key("admin-write").post(KEYS, new(scopes=[scope]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert scope in answer.json()["error"]["message"]


def test_a_key_gives_the_scopes_that_it_has():
    assert callers.key("admin-write", "messages").post(KEYS, new()).status_code == 201


def test_a_key_of_one_pool_makes_keys_of_that_pool_only(pool, other_pool):
    caller = callers.key("admin-write", "messages", pool=pool)
    assert caller.post(KEYS, new()).status_code == 403
    assert caller.post(KEYS, new(pool=str(other_pool.pk))).status_code == 404
    assert caller.post(KEYS, new(pool=str(pool.pk))).status_code == 201


def test_a_key_of_one_pool_sees_keys_of_that_pool_only(pool, other_pool):
    issue_access_key(name="theirs", scopes=["messages"], pool=other_pool)
    caller = callers.key("admin-read", pool=pool)
    assert [key["name"] for key in caller.get(KEYS).json()["results"]] == ["key admin-read"]


@pytest.mark.parametrize(
    ("given", "status"), [([], 403), (["127.0.0.1"], 403), (["0.0.0.0/0"], 403), (["127.0.0.0/8"], 201)]
)
def test_a_restricted_key_makes_none_that_is_less_so(given, status):
    caller = callers.key("admin-write", "messages", networks=["127.0.0.0/8"])
    assert caller.post(KEYS, new(allowed_networks=given)).status_code == status


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, 403),
        ({"limits": {"cost": {"day": "5"}}}, 403),
        ({"limits": {"cost": {"day": "5.01"}}, "max_concurrency": 2}, 403),
        ({"limits": {"cost": {"day": "5"}}, "max_concurrency": 3}, 403),
        ({"limits": {"cost": {"day": "5", "month": "9"}}, "max_concurrency": 2}, 201),
    ],
)
def test_a_limited_key_makes_none_that_may_use_more(facts, status):
    caller = callers.key("admin-write", "messages", limits={"limit_cost_day": Decimal(5), "max_concurrency": 2})
    assert caller.post(KEYS, new(**facts)).status_code == status


def test_the_list_costs_the_same_queries_for_2_and_for_200(viewer, pool):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            answer = viewer.get(f"{KEYS}?page_size=200")
        return len(captured), len(answer.json()["results"])

    rows = [AccessKey(name=f"k{n}", sha256=f"{n:064}", scopes=["messages"], pool=pool) for n in range(200)]
    AccessKey.objects.bulk_create(rows[:2])
    few = queries()
    AccessKey.objects.bulk_create(rows[2:])
    many = queries()
    assert (few[1], many[1]) == (2, 200)
    assert few[0] == many[0] <= 8
