"""`/api/admin/accounts/`, from the outside."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ClaudeAccount
from gateway.models import Resource
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, DELTA_KEY
from tests.rest import callers

ACCOUNTS = "/api/admin/accounts/"


def at(account, action=""):
    return f"{ACCOUNTS}{account.pk}/{action}"


def new(in_pool, **fields):
    return {"pool": str(in_pool.pk), "name": "delta", "api_key": DELTA_KEY, **fields}


def error(answer):
    return answer.json()["error"]


# create


def test_a_new_account_is_shown_with_what_identifies_its_key_and_nothing_more(admin, pool):
    answer = admin.post(ACCOUNTS, new(pool))
    assert answer.status_code == 201
    shown = answer.json()
    assert set(shown["key"]) == {"hint", "fingerprint", "readable"}
    assert DELTA_KEY not in answer.content.decode()
    assert ClaudeAccount.objects.get(pk=shown["id"]).reveal_key().reveal() == DELTA_KEY


def test_limits_are_set_per_metric_and_window_and_money_is_text(admin, pool):
    limits = {"requests": {"minute": 50}, "cost": {"day": "12.50", "month": 100}}
    shown = admin.post(ACCOUNTS, new(pool, limits=limits)).json()["limits"]
    assert shown["requests"] == {"minute": 50, "day": None, "month": None}
    assert shown["cost"] == {"minute": None, "day": "12.5", "month": "100"}


def test_where_only_a_proxy_is_an_upstream_a_new_accounts_key_goes_there(admin, pool, settings):
    settings.ANTHROPIC_BASE_URLS = settings.ALLOWED_BASE_URLS = ("https://claude.example.com",)
    assert admin.post(ACCOUNTS, new(pool)).json()["base_url"] == "https://claude.example.com"


def test_a_new_account_may_start_disabled_in_somebodys_name(admin, pool):
    shown = admin.post(ACCOUNTS, new(pool, enabled=False)).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "by ada")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"api_key": "sk-ant-oat01-" + "x" * 80}, "api_key"),
        ({"api_key": None}, "api_key"),
        ({"base_url": "https://evil.example"}, "request"),
        ({"priority": -1}, "priority"),
        ({"weight": 0}, "weight"),
        ({"limits": {"cost": {"day": "-1"}}}, "limits.cost.day"),
        ({"limits": {"cost": {"day": "0.1234567891"}}}, "limits.cost.day"),
        ({"limits": {"cost": {"day": "1234567.123456789"}}}, "limits.cost.day"),
        ({"limits": {"requests": {"hour": 5}}}, "limits.requests.hour"),
        ({"allowed_models": ["a", "a"]}, "allowed_models"),
        ({"allowed_models": "all"}, "allowed_models"),
        ({"prioritty": 1}, "prioritty"),
        ({"pool": "main"}, "pool"),
        ({"name": "\ud800"}, "name"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(admin, pool, fields, where):
    answer = admin.post(ACCOUNTS, new(pool, **fields))
    assert (answer.status_code, list(error(answer)["details"])) == (400, [where]), answer.content
    assert not ClaudeAccount.objects.exists()


def test_a_key_that_the_pool_holds_already_is_a_conflict(admin, alpha):
    answer = admin.post(ACCOUNTS, new(alpha.pool, api_key=ALPHA_KEY))
    assert (answer.status_code, error(answer)["code"]) == (409, "duplicate_key")


# list and show


def test_the_list_is_in_a_stable_order_and_bounded(admin, alpha, beta, gamma):
    page = admin.get(f"{ACCOUNTS}?page_size=2&ordering=-name").json()
    assert [account["name"] for account in page["results"]] == ["gamma", "beta"]
    assert page["count"] == 3
    assert "page=2" in page["next"]


@pytest.mark.parametrize(
    ("query", "names"),
    [("enabled=false", ["beta"]), ("search=ALP", ["alpha"]), ("search=%25", []), ("ordering=-priority", ["beta"])],
)
def test_the_list_can_be_filtered(admin, alpha, beta, query, names):  # noqa: PLR0917 - a row's columns
    ClaudeAccount.objects.filter(pk=beta.pk).update(enabled=False, priority=500)
    found = [account["name"] for account in admin.get(f"{ACCOUNTS}?{query}").json()["results"]]
    assert found[: len(names)] == names
    assert len(found) == (2 if "ordering" in query else len(names))


@pytest.mark.parametrize(
    "query", ["page_size=1000", "page_size=0", "ordering=api_key", "colour=red", "pool=x", "page=0"]
)
def test_a_query_outside_of_the_allow_lists_is_refused(admin, query):
    assert admin.get(f"{ACCOUNTS}?{query}").status_code == 400


def test_a_page_that_does_not_exist_is_not_found(admin):
    assert admin.get(f"{ACCOUNTS}?page=7").status_code == 404


def test_the_list_costs_the_same_queries_for_2_and_for_200(admin, pool):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            answer = admin.get(f"{ACCOUNTS}?page_size=200")
        return len(captured), len(answer.json()["results"])

    rows = [ClaudeAccount(pool=pool, name=f"a{n}", api_key=f"sk-ant-api03-{n:03}-{'x' * 80}") for n in range(200)]
    ClaudeAccount.objects.bulk_create(rows[:2])
    few = queries()
    ClaudeAccount.objects.bulk_create(rows[2:])
    many = queries()
    assert (few[1], many[1]) == (2, 200)
    assert few[0] == many[0] <= 8


def test_an_address_with_and_without_its_last_slash_is_the_same(admin, alpha):
    assert admin.get(at(alpha)).json() == admin.get(at(alpha).rstrip("/")).json()


def test_an_account_that_does_not_exist_is_not_found(admin):
    answer = admin.get(f"{ACCOUNTS}00000000-0000-4000-8000-000000000000/")
    assert (answer.status_code, error(answer)["code"]) == (404, "not_found")


def test_an_address_without_a_uuid_is_not_found_in_the_same_shape(admin):
    assert error(admin.get(f"{ACCOUNTS}alpha/"))["code"] == "not_found"


# update


def test_an_update_names_the_version_it_has_seen(admin, alpha):
    shown = admin.get(at(alpha))
    answer = admin.patch(at(alpha), {"priority": 5}, If_Match=shown["ETag"])
    assert (answer.status_code, answer.json()["priority"]) == (200, 5)
    assert answer["ETag"] == f'"{answer.json()["version"]}"' != shown["ETag"]


def test_the_version_may_stand_in_the_body(admin, alpha):
    assert admin.patch(at(alpha), {"priority": 5, "version": alpha.version}).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({}, {}, 428, "precondition_required"),
        ({}, {"If_Match": '"999"'}, 412, "edit_conflict"),
        ({}, {"If_Match": "nonsense"}, 412, "edit_conflict"),
        ({}, {"If_Match": 'W/"1"'}, 412, "edit_conflict"),
        ({"version": 999}, {}, 409, "edit_conflict"),
        ({"version": 1}, {"If_Match": '"999"'}, 412, "edit_conflict"),
    ],
)
def test_an_update_without_the_present_version_changes_nothing(admin, alpha, body, headers, status, code):  # noqa: PLR0917 - a row's columns
    answer = admin.patch(at(alpha), {"priority": 5, **body}, **headers)
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    alpha.refresh_from_db()
    assert alpha.priority == 100


def test_of_two_editors_the_second_is_told_and_the_first_ones_change_stays(admin, operator, alpha):
    seen = admin.get(at(alpha))["ETag"]
    assert admin.patch(at(alpha), {"priority": 1}, If_Match=seen).status_code == 200
    late = admin.patch(at(alpha), {"priority": 2}, If_Match=seen)
    assert (late.status_code, error(late)["details"]) == (412, {"version": alpha.version + 1})
    alpha.refresh_from_db()
    assert alpha.priority == 1


def test_a_star_overwrites_whatever_is_there(admin, alpha):
    assert admin.patch(at(alpha), {"priority": 5}, If_Match="*").status_code == 200


def test_a_patch_changes_only_what_it_names_single_limits_included(admin, pool):
    account = admin.post(ACCOUNTS, new(pool, limits={"requests": {"minute": 5, "day": 6}}, priority=7)).json()
    path = f"{ACCOUNTS}{account['id']}/"
    shown = admin.patch(path, {"limits": {"requests": {"day": None}}}, If_Match="*").json()
    assert shown["limits"]["requests"] == {"minute": 5, "day": None, "month": None}
    assert shown["priority"] == 7


def test_a_put_sets_what_it_leaves_out_to_its_default_but_key_address_and_switch(admin, pool):
    account = admin.post(ACCOUNTS, new(pool, limits={"tokens": {"day": 5}}, priority=7, enabled=False)).json()
    shown = admin.put(f"{ACCOUNTS}{account['id']}/", {"name": "new"}, If_Match="*").json()
    assert (shown["name"], shown["priority"], shown["limits"]["tokens"]["day"]) == ("new", 100, None)
    assert (shown["key"], shown["base_url"], shown["enabled"]) == (account["key"], account["base_url"], False)


def test_a_new_key_replaces_the_old_one_and_is_not_shown(admin, alpha):
    answer = admin.patch(at(alpha), {"api_key": BETA_KEY}, If_Match="*")
    assert BETA_KEY not in answer.content.decode()
    alpha.refresh_from_db()
    assert alpha.reveal_key().reveal() == BETA_KEY


def test_an_account_cannot_move_to_another_pool(admin, alpha, other_pool):
    answer = admin.patch(at(alpha), {"pool": str(other_pool.pk)}, If_Match="*")
    assert (answer.status_code, list(error(answer)["details"])) == (400, ["pool"])


def test_an_update_that_is_refused_halfway_changes_nothing(admin, alpha):
    body = {"priority": 5, "enabled": False, "base_url": "https://evil.example"}
    assert admin.patch(at(alpha), body, If_Match="*").status_code == 400
    alpha.refresh_from_db()
    assert (alpha.priority, alpha.enabled) == (100, True)


# switch and delete


def test_an_operator_disables_in_their_name_and_enables_again(operator, alpha):
    assert operator.post(at(alpha, "disable/")).json()["disabled_reason"] == "by olaf"
    shown = operator.post(at(alpha, "enable/")).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (True, "")


def test_switching_twice_is_no_error(operator, alpha):
    assert [operator.post(at(alpha, "disable/")).status_code for _ in range(2)] == [200, 200]


def test_an_enabled_account_is_not_deleted(admin, alpha):
    answer = admin.delete(at(alpha))
    assert (answer.status_code, error(answer)["code"]) == (409, "deletion_refused")
    assert "Disable it first" in error(answer)["message"]


def test_a_disabled_account_is_deleted(admin, alpha):
    admin.post(at(alpha, "disable/"))
    assert admin.delete(at(alpha)).status_code == 204
    assert not ClaudeAccount.objects.filter(pk=alpha.pk).exists()


def test_an_account_whose_batches_run_is_not_deleted(admin, alpha):
    until = timezone.now() + timedelta(hours=1)
    Resource.objects.create(id="msgbatch_1", kind="batch", account=alpha, principal="x", open_until=until)
    admin.post(at(alpha, "disable/"))
    answer = admin.delete(at(alpha))
    assert (answer.status_code, error(answer)["code"]) == (409, "deletion_refused")
    assert "msgbatch_1" in error(answer)["message"]


def test_a_deletion_may_name_the_version_it_has_seen(admin, alpha):
    admin.post(at(alpha, "disable/"))
    assert admin.delete(at(alpha), If_Match='"1"').status_code == 412


# keys of one pool


def test_a_key_of_one_pool_sees_no_other(alpha, gamma):
    caller = callers.key("admin-read", "admin-write", pool=alpha.pool)
    assert [account["name"] for account in caller.get(ACCOUNTS).json()["results"]] == ["alpha"]
    assert caller.get(at(gamma)).status_code == 404
    assert caller.patch(at(gamma), {"priority": 1}, If_Match="*").status_code == 404
    assert caller.post(at(gamma, "disable/")).status_code == 404
    assert caller.post(ACCOUNTS, new(gamma.pool)).status_code == 404


def test_no_answer_shows_a_key(admin, alpha, beta):
    answers = [
        admin.get(ACCOUNTS),
        admin.get(at(alpha)),
        admin.patch(at(alpha), {"api_key": BETA_KEY}, If_Match="*"),
        admin.post(ACCOUNTS, new(alpha.pool, api_key=ALPHA_KEY)),
        admin.post(ACCOUNTS, new(alpha.pool, api_key=f"{DELTA_KEY} ")),
        admin.post(ACCOUNTS, f'{{"api_key": "{DELTA_KEY}", oops'.encode()),
        admin.put(at(alpha), {"name": "", "api_key": DELTA_KEY}, If_Match="*"),
    ]
    for answer in answers:
        assert "CANARY" not in answer.content.decode()
        assert "CANARY" not in str(answer.headers)
