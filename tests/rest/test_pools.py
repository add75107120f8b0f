"""`/api/admin/pools/`, from the outside."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Pool
from tests.rest import callers

POOLS = "/api/admin/pools/"


def at(pool):
    return f"{POOLS}{pool.pk}/"


def test_a_new_pool_has_the_defaults_where_nothing_else_is_said(admin):
    shown = admin.post(POOLS, {"name": "fresh"}).json()
    assert (shown["strategy"], shown["affinity"], shown["breaker_threshold"]) == ("least_loaded", True, 5)
    assert Pool.objects.get(pk=shown["id"]).breaker_open_seconds == 300


def test_a_pool_says_how_many_accounts_it_has(admin, alpha, beta):
    beta.enabled = False
    beta.save()
    shown = admin.get(at(alpha.pool)).json()
    assert (shown["accounts_total"], shown["accounts_enabled"]) == (2, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"strategy": "best"},
        {"queue_seconds": 301},
        {"breaker_threshold": 0},
        {"simulated": True},
        {"name": "main"},
        {"affinity": "maybe"},
        {"affinity": 0},
        {"name": 0},
        {"outage_guard": None},
    ],
)
def test_what_makes_no_sense_is_refused(admin, pool, fields):
    answer = admin.post(POOLS, {"name": "fresh", **fields})
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, list(fields))


def test_a_pool_is_changed_by_those_who_know_its_version(admin, pool):
    seen = admin.get(at(pool))["ETag"]
    assert admin.patch(at(pool), {"strategy": "random"}).status_code == 428
    assert admin.patch(at(pool), {"strategy": "random"}, If_Match=seen).json()["strategy"] == "random"
    assert admin.patch(at(pool), {"strategy": "priority"}, If_Match=seen).status_code == 412
    pool.refresh_from_db()
    assert pool.strategy == "random"


def test_a_put_sets_what_it_leaves_out_to_its_default(admin, pool):
    admin.patch(at(pool), {"queue_seconds": 77}, If_Match="*")
    assert admin.put(at(pool), {"name": "main"}, If_Match="*").json()["queue_seconds"] == 5


def test_a_pool_with_accounts_is_not_deleted(admin, alpha):
    answer = admin.delete(at(alpha.pool))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "deletion_refused")
    assert "alpha" in answer.json()["error"]["message"]


def test_an_empty_pool_is_deleted(admin, pool):
    assert admin.delete(at(pool)).status_code == 204
    assert not Pool.objects.exists()


def test_a_key_of_one_pool_sees_that_one_and_makes_no_other(pool, other_pool):
    caller = callers.key("admin-read", "admin-write", pool=pool)
    assert [shown["name"] for shown in caller.get(POOLS).json()["results"]] == ["main"]
    assert caller.get(at(other_pool)).status_code == 404
    assert caller.post(POOLS, {"name": "third"}).status_code == 403


def test_the_list_costs_the_same_queries_for_2_and_for_200(admin):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            answer = admin.get(f"{POOLS}?page_size=200")
        return len(captured), len(answer.json()["results"])

    Pool.objects.bulk_create(Pool(name=f"p{n}") for n in range(2))
    few = queries()
    Pool.objects.bulk_create(Pool(name=f"p{n}") for n in range(2, 200))
    many = queries()
    assert (few[1], many[1]) == (2, 200)
    assert few[0] == many[0] <= 8


def test_how_anthropics_count_is_used_is_set_like_the_rest(admin, pool):
    wanted = {"count_foreign_usage": True, "alert_drift_percent": None, "alert_drift_dollars": "2.50"}
    shown = admin.patch(at(pool), wanted, If_Match="*").json()
    assert {name: shown[name] for name in wanted} == wanted
    pool.refresh_from_db()
    assert (pool.count_foreign_usage, pool.alert_drift_percent, pool.alert_drift_tokens) == (True, None, 1_000_000)


@pytest.mark.parametrize(
    "wrong", [{"alert_drift_percent": 0}, {"alert_drift_dollars": "-1"}, {"alert_drift_tokens": -1}]
)
def test_a_tolerance_below_nothing_is_refused(admin, pool, wrong):
    assert admin.patch(at(pool), wrong, If_Match="*").status_code == 400
