"""An account as it runs, from the outside: the engine is real."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services import disable_account, update_account
from quota import wiring
from quota.engine.types import Hold, Scope
from quota.models import Attempt, UsageRollup
from tests.rest import callers
from tests.rest.engine import called, cooled, leased, load, tripped


def at(account, action):
    return f"/api/admin/accounts/{account.pk}/{action}"


def health(caller, account):
    answer = caller.get(at(account, "health/"))
    assert answer.status_code == 200, answer.content
    return answer.json()


# health


def test_an_account_that_serves_says_so(viewer, alpha):
    load(alpha.pool)
    shown = health(viewer, alpha)
    assert (shown["standing"], shown["serving"], shown["summary"]) == ("serving", True, "serving")
    assert shown["breaker"]["state"] == "closed"
    assert shown["last_error"] is None


def test_a_pool_that_the_engine_does_not_know_is_told_to_it(viewer, alpha):
    assert health(viewer, alpha)["standing"] == "serving"


def test_an_open_breaker_says_why_and_when_it_is_back(viewer, alpha):
    load(alpha.pool)
    tripped(alpha)
    shown = health(viewer, alpha)
    assert (shown["standing"], shown["serving"]) == ("breaker_open", False)
    assert 0 < shown["back_in_seconds"] <= 300
    assert shown["breaker"]["why"] == "http 503"
    assert shown["breaker"]["failures"] == shown["breaker"]["threshold"] == 5
    assert shown["summary"].startswith("breaker open, back in ")
    assert shown["summary"].endswith("(http 503)")
    assert shown["until"].endswith("Z")


def test_a_cool_down_of_one_model_group_is_told_beside_serving(viewer, alpha):
    load(alpha.pool)
    cooled(alpha, Hold(Scope.ACCOUNT, "throttle", for_ms=60_000, group="opus-5"))
    shown = health(viewer, alpha)
    assert shown["standing"] == "partly"
    assert shown["holds"][0]["model_group"] == "opus-5"
    assert shown["summary"].startswith("serving, but not ")


def test_limits_say_what_is_used_what_is_reserved_and_when_they_are_whole_again(viewer, alpha):
    update_account(alpha, limit_tokens_day=1_000, limit_cost_day=Decimal("2.5"))
    load(alpha.pool)
    called(alpha, tokens=100, cost=1_250_000_000)
    leased(alpha, tokens=50, cost=1)
    shown = health(viewer, alpha)
    tokens, cost = shown["limits"]
    assert (tokens["used"], tokens["reserved"], tokens["remaining"]) == (100, 50, 850)
    assert (cost["amount"], cost["used"], cost["reserved"], cost["remaining"]) == (
        "2.5", "1.25", "0.000000001", "1.249999999"
    )  # fmt: skip
    midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert tokens["resets_at"] == midnight.isoformat().replace("+00:00", "Z")
    assert shown["in_flight"] == 1


def test_the_last_error_is_told(viewer, alpha):
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    UsageRollup.objects.create(pool=alpha.pool, account=alpha, span="hour", starts_at=hour, failures=1, attempts=2)
    common = {"pool": alpha.pool, "account": alpha, "usage_day": hour.date(), "state": "settled"}
    failed = {"verdict": "failure", "outcome": "server_error", "why": "http 503", "status": 503}
    Attempt.objects.create(**common, lease_id="1", granted_at=hour, entry="1-0", **failed)
    Attempt.objects.create(
        **common, lease_id="2", granted_at=hour + timedelta(seconds=1), entry="2-0", verdict="success"
    )
    assert health(viewer, alpha)["last_error"]["why"] == "http 503"


def test_a_disabled_account_says_by_whom(viewer, alpha):
    disable_account(alpha, why="by ada")
    assert health(viewer, alpha)["summary"] == "disabled (by ada)"


def test_while_redis_is_away_health_says_that_it_cannot_be_told(viewer, alpha, monkeypatch):
    key = callers.key("admin-read")
    monkeypatch.setattr(wiring, "redis_url", lambda: "redis://127.0.0.1:1/0")
    answer = key.get(at(alpha, "health/"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert answer["Retry-After"] == "1"


# orders


def test_an_operator_resets_an_open_breaker(operator, alpha):
    load(alpha.pool)
    tripped(alpha)
    answer = operator.post(at(alpha, "reset-circuit/"))
    assert (answer.status_code, answer.json()["standing"]) == (200, "serving")


def test_an_account_is_forced_open_for_a_reason_and_closed_again(operator, alpha):
    load(alpha.pool)
    forced = operator.post(at(alpha, "force-open/"), {"why": "maintenance"}).json()
    assert (forced["standing"], forced["breaker"]["mode"]) == ("forced_open", "forced_open")
    assert forced["summary"] == "breaker forced open (maintenance)"
    closed = operator.post(at(alpha, "force-close/")).json()
    assert (closed["standing"], closed["breaker"]["mode"]) == ("serving", "forced_closed")


def test_cool_downs_are_ended(operator, alpha):
    load(alpha.pool)
    cooled(alpha, Hold(Scope.ACCOUNT, "throttle", for_ms=60_000))
    assert health(operator, alpha)["standing"] == "cooling"
    assert operator.post(at(alpha, "clear-cool-down/")).json()["standing"] == "serving"


def test_an_order_names_who_gave_it(operator, alpha, redis_url):
    import redis

    load(alpha.pool)
    operator.post(at(alpha, "force-open/"))
    with redis.Redis.from_url(redis_url) as client:
        (entry,) = client.xrange(f"nb:{{{alpha.pool_id}}}:events")
    assert entry[1][b"actor"] == b"olaf"


def test_an_order_that_is_misspelled_is_not_given(operator, alpha):
    assert operator.post(at(alpha, "force-open/"), {"reason": "x"}).status_code == 400


@pytest.mark.parametrize("action", ["health/", "usage/", "reset-circuit/"])
def test_a_key_of_one_pool_reaches_no_other_account(alpha, gamma, action):
    caller = callers.key("admin-read", "admin-write", pool=alpha.pool)
    method = "POST" if action == "reset-circuit/" else "GET"
    assert caller.call(method, at(gamma, action)).status_code == 404


# usage


def rollup(account, at, span="day", model="claude-opus-5", **amounts):
    UsageRollup.objects.create(pool=account.pool, account=account, span=span, starts_at=at, model=model, **amounts)


def midnight():
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize(("period", "steps"), [("24h", 24), ("7d", 7), ("30d", 30)])
def test_usage_has_a_step_for_each_hour_or_day_the_empty_ones_too(viewer, alpha, period, steps):
    shown = viewer.get(at(alpha, f"usage/?period={period}")).json()
    assert len(shown["series"]) == steps
    assert shown["total"]["cost"] == "0"


def test_usage_adds_up_by_step_and_by_model(viewer, alpha, beta):
    today = midnight()
    rollup(alpha, today, requests=2, tokens=30, cost_nano=132_000)
    rollup(alpha, today, model="claude-haiku-5-5", requests=1, tokens=5, cost_nano=1)
    rollup(alpha, today - timedelta(days=6), requests=4, cost_nano=10**9)
    rollup(alpha, today - timedelta(days=7), requests=8, cost_nano=10**9)
    rollup(beta, today, requests=16)
    shown = viewer.get(at(alpha, "usage/?period=7d")).json()
    assert (shown["total"]["requests"], shown["total"]["cost"]) == (7, "1.000132001")
    assert [step["spent"]["requests"] for step in shown["series"]] == [4, 0, 0, 0, 0, 0, 3]
    assert [(one["model"], one["spent"]["requests"]) for one in shown["models"]] == [
        ("claude-opus-5", 6), ("claude-haiku-5-5", 1)
    ]  # fmt: skip


def test_usage_reads_rollups_and_never_the_log(viewer, alpha):
    with CaptureQueriesContext(connection) as captured:
        viewer.get(at(alpha, "usage/?period=30d"))
    statements = [query["sql"] for query in captured]
    assert not any("quota_attempt" in sql or "quota_activity" in sql for sql in statements)
    assert sum("quota_usagerollup" in sql for sql in statements) == 1


def test_a_period_that_does_not_exist_is_refused(viewer, alpha):
    assert viewer.get(at(alpha, "usage/?period=1y")).status_code == 400
