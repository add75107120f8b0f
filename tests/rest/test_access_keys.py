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
    ],
)
def test_what_makes_no_sense_is_refused(admin, pool, facts, where):
    answer = admin.post(KEYS, new(**facts))
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, [where])
    assert not AccessKey.objects.exists()


def test_a_key_is_never_deleted_and_never_replaced(admin):
    made = admin.post(KEYS, new()).json()
    for method in ("PUT", "DELETE"):
        assert admin.call(method, at(made), {}).status_code == 405


# limits


LIMITS = {
    "requests": {"minute": 60, "day": 1000, "month": 20000},
    "tokens": {"minute": 100000, "day": 5000000, "month": 90000000},
    "cost": {"minute": "0.5", "day": "12.5", "month": "100"},
}
NONE = dict.fromkeys(("minute", "day", "month"))


def test_a_new_key_takes_every_limit_there_is(admin):
    made = admin.post(KEYS, new(limits=LIMITS, max_concurrency=8, budget_action="alert")).json()
    shown = admin.get(at(made)).json()
    assert (shown["limits"], shown["max_concurrency"], shown["budget_action"]) == (LIMITS, 8, "alert")
    key = AccessKey.objects.get(pk=made["id"])
    assert (key.client().max_concurrency, len(key.limits()), len(key.enforced_limits())) == (8, 9, 8)


def test_a_key_without_limits_says_so(admin):
    shown = admin.post(KEYS, new()).json()
    assert shown["limits"] == {"requests": NONE, "tokens": NONE, "cost": NONE}
    assert (shown["max_concurrency"], shown["budget_action"]) == (None, "stop")


def test_a_change_concerns_what_it_names_and_null_takes_a_limit_away(admin):
    answer = admin.post(KEYS, new(limits=LIMITS, allowed_models=["claude-*"]))
    change = {"limits": {"cost": {"day": None, "month": "50"}}, "max_concurrency": 2}
    changed = admin.patch(at(answer.json()), change, If_Match=answer["ETag"])
    shown = changed.json()
    assert shown["limits"] == {**LIMITS, "cost": {"minute": "0.5", "day": None, "month": "50"}}
    assert (shown["max_concurrency"], shown["allowed_models"]) == (2, ["claude-*"])
    assert (answer["ETag"], changed["ETag"], shown["version"]) == ('"1"', '"2"', 2)


def test_models_networks_and_expiry_can_be_changed_too(admin):
    made = admin.post(KEYS, new()).json()
    change = {"allowed_models": ["claude-*"], "allowed_networks": ["10.0.0.0/8"], "expires_at": "2031-01-01T00:00:00Z"}
    shown = admin.patch(at(made), {**change, "version": 1}).json()
    assert {name: shown[name] for name in change} == change


def test_two_editors_cannot_overwrite_each_other(admin):
    made = admin.post(KEYS, new()).json()
    assert admin.patch(at(made), {"max_concurrency": 1}, If_Match='"1"').status_code == 200
    late = admin.patch(at(made), {"max_concurrency": 9}, If_Match='"1"')
    assert (late.status_code, late.json()["error"]["code"]) == (412, "edit_conflict")
    assert admin.patch(at(made), {"max_concurrency": 9}).status_code == 428
    assert admin.get(at(made)).json()["max_concurrency"] == 1


def test_revoking_counts_as_an_edit_and_using_a_key_does_not(admin):
    made = admin.post(KEYS, new(scopes=["admin-read"])).json()
    presented(made["key"]).get(ACCOUNTS)
    assert admin.get(at(made)).json()["version"] == 1
    assert admin.post(at(made, "revoke/")).json()["version"] == 2


@pytest.mark.parametrize(
    ("facts", "where", "said"),
    [
        ({"limits": {"tokens": {"day": 0}}}, "limits.tokens.day", "A limit is positive"),
        ({"limits": {"cost": {"month": "0"}}}, "limits.cost.month", "A limit is positive"),
        ({"limits": {"cost": {"month": "9000000.123456789"}}}, "limits.cost.month", ""),
        ({"limits": {"cost": {"day": "1234567.123456789"}}}, "limits.cost.day", "At most 15 significant digits."),
        ({"limits": {"tokens": {"hour": 1}}}, "limits.tokens.hour", "no such field"),
        ({"max_concurrency": 0}, "max_concurrency", "greater than or equal to 1"),
        ({"budget_action": "beg"}, "budget_action", "beg"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "To end a key now, revoke it."),
        ({"allowed_networks": ["::ffff:10.0.0.0/104"]}, "allowed_networks", "IPv4"),
        ({"scopes": ["messages"]}, "scopes", "no such field"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_in_the_words_of_the_admin_site(admin, facts, where, said):
    made = admin.post(KEYS, new()).json()
    answer = admin.patch(at(made), facts, If_Match="*")
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, [where])
    assert said in answer.json()["error"]["details"][where]
    assert admin.get(at(made)).json()["version"] == 1


def test_a_key_of_another_pool_cannot_be_changed(admin, pool, other_pool):
    made = admin.post(KEYS, new(pool=str(other_pool.pk))).json()
    caller = callers.key("admin-write", "messages", pool=pool)
    assert caller.patch(at(made), {"max_concurrency": 1}, If_Match="*").status_code == 404


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


LIMITED = {"limits": {"limit_tokens_day": 100, "limit_cost_month": Decimal(5), "max_concurrency": 2}}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 403),
        ({"limits": {"tokens": {"day": 100}, "cost": {"month": "5"}}}, 403),
        ({"limits": {"tokens": {"day": 101}, "cost": {"month": "5"}}, "max_concurrency": 2}, 403),
        ({"limits": {"tokens": {"day": 100}, "cost": {"month": "5"}}, "max_concurrency": 2}, 201),
        (
            {"limits": {"tokens": {"day": 1}, "cost": {"month": "5"}}, "max_concurrency": 2, "budget_action": "alert"},
            403,
        ),
    ],
)
def test_a_limited_key_makes_none_that_may_use_more(given, status):
    caller = callers.key("admin-write", "messages", **LIMITED)
    assert caller.post(KEYS, new(**given)).status_code == status


def test_a_key_that_expires_makes_none_that_lasts_longer():
    end = timezone.now() + timedelta(hours=1)
    caller = callers.key("admin-write", "messages", expires_at=end)
    assert caller.post(KEYS, new()).status_code == 403
    assert caller.post(KEYS, new(expires_at=(end + timedelta(seconds=1)).isoformat())).status_code == 403
    assert caller.post(KEYS, new(expires_at=end.isoformat())).status_code == 201


def test_a_key_does_not_widen_itself():
    caller = callers.key("admin-write", "admin-read", **LIMITED)
    own = AccessKey.objects.get()
    for wider in ({"max_concurrency": None}, {"limits": {"tokens": {"day": None}}}, {"budget_action": "alert"}):
        assert caller.patch(f"{KEYS}{own.pk}/", wider, If_Match="*").status_code == 403
    assert caller.patch(f"{KEYS}{own.pk}/", {"max_concurrency": 1}, If_Match="*").status_code == 200


def test_a_key_changes_none_that_may_do_what_it_may_not():
    _, key = issue_access_key(name="theirs", scopes=["messages"])
    answer = callers.key("admin-write").patch(f"{KEYS}{key.pk}/", {"max_concurrency": 1}, If_Match="*")
    assert (answer.status_code, "messages" in answer.json()["error"]["message"]) == (403, True)


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
