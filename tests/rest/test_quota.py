"""`/api/quota/` and `/api/admin/select/`, from the outside: the engine is real."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access import issue_access_key
from accounts.models import Pool
from accounts.services import update_account
from gateway.preparing import affinity_key
from quota import wiring
from quota.engine.said import Bucket, Dimension, Said
from quota.engine.types import LeaseRequest
from quota.models import UsageRollup
from tests.rest import callers
from tests.rest.engine import called, leased, lent, load, tripped, with_engine

QUOTA, SELECT = "/api/quota/", "/api/admin/select/"
OPUS = {"model": "claude-opus-5"}


def select(caller, **asked):
    answer = caller.post(SELECT, {**OPUS, **asked})
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def by(pool):
    """Give the pool a strategy."""

    def choose(strategy, **settings):
        Pool.objects.filter(pk=pool.pk).update(strategy=strategy, **settings)
        load(pool)

    return choose


def test_a_pools_room_is_the_sum_over_those_that_serve(viewer, alpha, beta):
    update_account(alpha, limit_tokens_day=1_000)
    update_account(beta, limit_tokens_day=500)
    load(alpha.pool)
    called(alpha, tokens=100)
    (shown,) = viewer.get(QUOTA).json()["pools"]
    (tokens,) = shown["limits"]
    assert (tokens["amount"], tokens["used"], tokens["remaining"]) == (1_500, 100, 1_400)
    assert (tokens["accounts"], tokens["unlimited"]) == (2, 0)
    assert tokens["soonest_reset_at"]
    tripped(beta)
    (shown,) = viewer.get(QUOTA).json()["pools"]
    assert (shown["accounts_total"], shown["accounts_serving"]) == (2, 1)
    assert shown["limits"][0]["amount"] == 1_000
    assert shown["back_at"] == shown["accounts"][1]["until"]


def test_an_account_without_a_limit_is_counted_as_such(viewer, alpha, beta):
    update_account(alpha, limit_tokens_day=1_000)
    (shown,) = viewer.get(QUOTA).json()["pools"]
    assert (shown["limits"][0]["accounts"], shown["limits"][0]["unlimited"]) == (1, 1)


def used_lately(account, *tokens, key=""):
    """Rollups of the latest whole hours, oldest first."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for ago, amount in enumerate(reversed(tokens), start=1):
        at = hour - timedelta(hours=ago)
        UsageRollup.objects.create(
            pool=account.pool, account=account, span="hour", starts_at=at, tokens=amount, access_key=key
        )


def forecasts(shown, subject):
    return [one for one in shown["forecasts"] if one["subject"] == subject]


def test_each_limit_of_the_day_says_when_it_runs_out_and_how_sure_that_is(viewer, alpha, beta):
    for account in (alpha, beta):
        update_account(account, limit_tokens_day=10**9)
        used_lately(account, 10**12, 2 * 10**12, 10**12, 10**12)
    load(alpha.pool)
    called(alpha, tokens=100)
    (shown,) = viewer.get(QUOTA).json()["pools"]
    of_alpha, of_beta = forecasts(shown, "account")
    assert (of_alpha["name"], of_alpha["remaining"], of_alpha["outcome"]) == ("alpha", 10**9 - 100, "runs_out")
    assert of_alpha["earliest"] < of_alpha["at"] < of_alpha["latest"] < of_alpha["resets_at"]
    assert "At the rate of the last 6 hours it is out about " in of_beta["text"]
    (of_the_pool,) = forecasts(shown, "pool")
    assert (of_the_pool["amount"], of_the_pool["title"]) == (2 * 10**9, "all its accounts' tokens per day")


def test_what_was_hardly_used_has_no_forecast_and_says_so(viewer, alpha):
    update_account(alpha, limit_cost_month="12.50", limit_requests_minute=5)
    (shown,) = viewer.get(QUOTA).json()["pools"]
    (only,) = shown["forecasts"]
    assert (only["amount"], only["window"], only["outcome"], only["at"]) == ("12.5", "month", "unknown", None)
    assert only["text"] == "Too little was used lately to say when it is out."


def test_a_budget_and_an_access_keys_limit_have_forecasts_too(viewer, alpha):
    Pool.objects.filter(pk=alpha.pool_id).update(limit_cost_month=100)
    issue_access_key(name="agents", scopes=["messages"], pool=alpha.pool, limits={"limit_tokens_day": 1_000})
    (shown,) = viewer.get(QUOTA).json()["pools"]
    titles = {one["subject"]: (one["name"], one["title"]) for one in shown["forecasts"]}
    assert titles == {"access_key": ("agents", "tokens per day"), "pool": ("main", "its budget, cost per month")}


def test_what_is_used_up_says_that_and_when_it_is_whole_again(viewer, alpha):
    update_account(alpha, limit_tokens_day=100)
    load(alpha.pool)
    called(alpha, tokens=100)
    (only,) = viewer.get(f"/api/admin/accounts/{alpha.pk}/health/").json()["forecasts"]
    assert (only["outcome"], only["remaining"], only["text"]) == ("out", 0, "It is used up until it resets.")
    assert only["resets_at"].endswith("T00:00:00Z")


def test_an_untouched_limit_has_no_reset_to_wait_for(viewer, alpha):
    update_account(alpha, limit_tokens_day=1_000)
    assert viewer.get(QUOTA).json()["pools"][0]["limits"][0]["soonest_reset_at"] is None


def test_one_pool_can_be_asked_for(viewer, alpha, gamma):
    shown = viewer.get(f"{QUOTA}?pool={gamma.pool_id}").json()["pools"]
    assert [pool["name"] for pool in shown] == ["other"]


def test_a_key_of_one_pool_sees_the_room_of_that_one(alpha, gamma):
    shown = callers.key("admin-read", pool=alpha.pool).get(QUOTA).json()["pools"]
    assert [pool["name"] for pool in shown] == ["main"]


def test_while_redis_is_away_nobody_pretends_to_know(alpha, monkeypatch):
    key = callers.key("admin-read")
    monkeypatch.setattr(wiring, "redis_url", lambda: "redis://127.0.0.1:1/0")
    assert key.get(QUOTA).status_code == 503
    assert key.post(SELECT, OPUS).status_code == 503


def test_a_pool_without_accounts_has_no_room(viewer, pool):
    (shown,) = viewer.get(QUOTA).json()["pools"]
    assert (shown["accounts_total"], shown["limits"]) == (0, [])


# select


def test_the_least_loaded_would_be_chosen_and_the_sentence_says_why(viewer, alpha, beta, by):
    update_account(alpha, limit_tokens_day=100_000)
    update_account(beta, limit_tokens_day=100_000)
    by("least_loaded")
    called(alpha, tokens=12_000)
    chosen = select(viewer)
    assert (chosen["chosen"], chosen["chosen_name"]) == (str(beta.pk), "beta")
    assert [(one["name"], one["rank"], one["load"]) for one in chosen["candidates"]] == [
        ("beta", 1, 0),
        ("alpha", 2, 0.12),
    ]
    assert chosen["why"] == "Least loaded of 2 that can serve: its fullest limit is 0.0 % gone."


def test_why_not_the_others_is_told_one_by_one(viewer, alpha, beta, by):
    update_account(beta, allowed_models=["claude-haiku-5-5"])
    by("priority")
    tripped(alpha)
    chosen = select(viewer)
    assert (chosen["chosen"], chosen["why"]) == (None, "No account can serve this now.")
    reasons = {one["name"]: (one["eligible"], one["reason"], one["detail"]) for one in chosen["candidates"]}
    assert reasons == {
        "alpha": (False, "breaker_open", "http 503"),
        "beta": (False, "model_not_allowed", ""),
    }
    assert chosen["retry_at"] == chosen["candidates"][0]["until"]
    assert chosen["candidates"][1]["until"] is None


def test_asking_reserves_nothing_and_takes_nobodys_turn(viewer, alpha, beta, by):
    by("round_robin")
    before = with_engine(lambda engine: engine.snapshot(str(alpha.pool_id)))
    first = [select(viewer)["chosen"] for _ in range(3)]
    after = with_engine(lambda engine: engine.snapshot(str(alpha.pool_id)))
    assert len(set(first)) == 1
    assert after.accounts == before.accounts
    assert after.leases == 0


@pytest.mark.parametrize("strategy", ["least_loaded", "round_robin", "priority"])
def test_who_would_be_chosen_is_chosen(viewer, alpha, beta, by, strategy):  # noqa: PLR0917 - the cast
    update_account(beta, priority=50)
    by(strategy, affinity=False)
    for turn in range(4):
        foretold = select(viewer)["chosen"]
        request = LeaseRequest(pool=str(alpha.pool_id), lease_id=f"l{turn}", model="claude-opus-5", group="opus-5")
        assert lent(request).account == foretold


def test_under_random_everybody_is_first_and_chance_is_admitted(viewer, alpha, beta, by):
    by("random")
    chosen = select(viewer)
    assert chosen["by_chance"]
    assert {one["rank"] for one in chosen["candidates"]} == {1}


def test_a_session_is_found_by_its_name_and_its_key(viewer, alpha, beta, by):
    by("priority")
    _, key = issue_access_key(name="app", scopes=["messages"])
    _, stranger = issue_access_key(name="other", scopes=["messages"])
    leased(beta, only="", tried=(str(alpha.pk),), session=affinity_key(str(key.pk), "chat-1"))
    ours = select(viewer, session="chat-1", access_key=str(key.pk))
    assert (ours["chosen_name"], ours["session_kept"]) == ("beta", True)
    assert ours["why"].startswith("The session's own account")
    theirs = select(viewer, session="chat-1", access_key=str(stranger.pk))
    assert (theirs["chosen_name"], theirs["session_kept"]) == ("alpha", False)


def test_what_has_been_tried_is_left_out(viewer, alpha, beta):
    chosen = select(viewer, tried=[str(alpha.pk)])
    assert chosen["chosen_name"] == "beta"


def test_the_estimate_counts(viewer, alpha):
    update_account(alpha, limit_tokens_day=1_000)
    assert select(viewer, input_tokens=10, max_tokens=10)["chosen"]
    large = select(viewer, input_tokens=100_000)
    assert (large["chosen"], large["candidates"][0]["reason"], large["candidates"][0]["until"]) == (None, "limit", None)
    assert large["tokens"] > 100_000
    assert "." in large["cost"]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"model": ""}, "model"),
        ({"model": "two words"}, "model"),
        ({"session": "s"}, "access_key"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"tried": ["alpha"]}, "tried.0"),
        ({"stream": True}, "stream"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(viewer, pool, asked, where):
    answer = viewer.post(SELECT, {**OPUS, **asked})
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, [where])


def test_of_several_pools_one_must_be_named(viewer, pool, other_pool):
    assert viewer.post(SELECT, OPUS).status_code == 400
    assert viewer.post(SELECT, {**OPUS, "pool": str(pool.pk)}).status_code == 200


def test_a_key_asks_about_its_own_pool(alpha, gamma):
    caller = callers.key("admin-read", pool=alpha.pool)
    assert select(caller)["chosen_name"] == "alpha"
    assert caller.post(SELECT, {**OPUS, "pool": str(gamma.pool_id)}).status_code == 404


def test_what_anthropic_says_is_told_with_the_room_and_as_the_reason(viewer, alpha, beta):
    said = Said("opus-5", (Bucket(Dimension.REQUESTS, 50, 0),))
    load(alpha.pool)
    called(alpha, said=said)
    (shown,) = viewer.get(QUOTA).json()["pools"]
    (told,) = next(one for one in shown["accounts"] if one["name"] == alpha.name)["rate_limits"]
    assert (told["model_group"], told["counts"], told["limit"], told["remaining"]) == ("opus-5", "requests", 50, 0)
    seen = select(viewer)
    of_alpha = next(one for one in seen["candidates"] if one["account"] == str(alpha.pk))
    assert (seen["chosen"], of_alpha["reason"]) == (str(beta.pk), "rate_limit")
    assert re.fullmatch(r"Anthropic says 0 of 50 requests remain until \d\d:\d\d:\d\d UTC", of_alpha["detail"])


def test_accounts_of_one_organization_are_named_together(viewer, alpha, beta):
    load(alpha.pool)
    for account in (alpha, beta):
        called(account, organization="org-1")
    (shown,) = viewer.get(QUOTA).json()["pools"]
    assert shown["shared_organizations"] == [{"organization_id": "org-1", "accounts": [alpha.name, beta.name]}]
