"""What is wrong in a pool, from the engine's snapshot and what the database knows."""

from typing import Any

import pytest

from quota.alerting.findings import findings, serves
from quota.alerting.values import AccountFacts, KeyFacts, Subject, Thresholds
from quota.engine.types import NEVER, BreakerMode, BreakerState, Client, Limit, Metric, Scope, Window
from quota.engine.views import ClientState, HoldState, LimitState
from tests.quota.alerting.cast import DAY, NOON_MS, scene, shown, snapshot, state

BUDGET = Limit(Metric.COST, Window.MONTH, 100_000_000_000)


@pytest.mark.parametrize(
    ("used", "level"), [(800, "warning"), (949, "warning"), (950, "critical"), (999, "critical"), (1_000, "exhausted")]
)
def test_a_share_of_a_limit_has_its_level(used: int, level: str) -> None:
    assert shown(findings(scene(), snapshot(state(used=used))))[0] == ("limit", level)


def test_what_is_reserved_is_gone_too() -> None:
    (found,) = findings(scene(), snapshot(state(used=700, reserved=100)))
    assert (found.used, found.title) == (800, "alice: 80 % of tokens per day used")


def test_little_use_is_nothing() -> None:
    assert findings(scene(), snapshot(state(used=749))) == []


def test_just_below_the_warning_keeps_an_alert_open_and_raises_none() -> None:
    assert shown(findings(scene(), snapshot(state(used=750)))) == [("limit", None)]


def test_the_shares_are_the_pools() -> None:
    place = scene(thresholds=Thresholds(warning=50, critical=60, exhausted=70))
    assert shown(findings(place, snapshot(state(used=600)))) == [("limit", "critical")]


def test_a_disabled_account_has_no_limits_to_watch() -> None:
    place = scene(accounts={"a": AccountFacts("alice", enabled=False)})
    assert ("limit", "warning") not in shown(findings(place, snapshot(state(used=900, enabled=False))))


def test_an_access_keys_limit_is_watched_by_the_keys_name() -> None:
    client = Client("k", (DAY,))
    state_of_key = ClientState("k", 0, (LimitState(DAY, used=960, reserved=0, resets_ms=0),))
    found = findings(scene(keys={"k": KeyFacts("ci", client)}), snapshot(state(), clients={"k": state_of_key}))
    assert [(one.cause.subject, one.name, one.level) for one in found] == [(Subject.ACCESS_KEY, "ci", "critical")]


def test_a_keys_budget_that_only_alerts_says_so() -> None:
    facts = KeyFacts("ci", Client("k", (DAY,)), budgets=(DAY,))
    state_of_key = ClientState("k", 0, (LimitState(DAY, used=1_000, reserved=0, resets_ms=0),))
    (found,) = findings(scene(keys={"k": facts}), snapshot(state(), clients={"k": state_of_key}))
    assert "only alerts" in found.text


def test_an_accounts_budget_that_only_alerts_is_watched_though_the_engine_knows_no_limit() -> None:
    place = scene(accounts={"a": AccountFacts("alice", budget=BUDGET)})
    (found,) = findings(place, snapshot(state(limit=None, month_cost=101_000_000_000)))
    assert (found.level, found.text.partition(".00 of ")[0]) == ("exhausted", "$101")


@pytest.mark.parametrize(("stops", "said"), [(True, False), (False, True)])
def test_the_pools_budget_is_what_the_whole_pool_spent(*, stops: bool, said: bool) -> None:
    place = scene("a", budget=BUDGET, budget_stops=stops)
    assert place.clients == (Client("", (BUDGET,)),)
    spent = ClientState("", 0, (LimitState(BUDGET, used=96_000_000_000, reserved=0, resets_ms=0),))
    (found,) = findings(place, snapshot(state("a"), clients={"": spent}))
    assert (found.cause.subject, found.level) == (Subject.POOL, "critical")
    assert ("only alerts" in found.text) is said


def test_the_pool_as_a_whole_is_the_sum_of_its_accounts() -> None:
    found = findings(scene("a", "b"), snapshot(state("a", used=1_000), state("b", used=600)))
    assert [(one.name, one.used) for one in found if one.cause.detail.startswith("all")] == [("default", 1_600)]


def test_a_pool_where_one_account_has_no_limit_has_none_as_a_whole() -> None:
    found = findings(scene("a", "b"), snapshot(state("a", used=1_000), state("b", limit=None)))
    assert not [one for one in found if one.cause.subject is Subject.POOL and one.limit]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"breaker": BreakerState.OPEN, "open_until_ms": NOON_MS, "breaker_why": "http 503"}, "http 503. Tried again"),
        ({"breaker": BreakerState.HALF_OPEN}, "One request at a time"),
        ({"mode": BreakerMode.FORCED_OPEN}, "A person holds it open"),
    ],
)
def test_a_circuit_that_is_not_closed_is_found(columns: dict[str, Any], words: str) -> None:
    (found,) = (one for one in findings(scene(), snapshot(state(**columns))) if one.cause.kind == "breaker")
    assert found.text.startswith(words)


def test_a_circuit_that_a_person_holds_closed_is_not() -> None:
    forced = state(breaker=BreakerState.OPEN, mode=BreakerMode.FORCED_CLOSED)
    assert findings(scene(), snapshot(forced)) == []


def hold(why: str, *, until_ms: int = NOON_MS + 60_000, **columns: Any) -> HoldState:
    return HoldState(columns.pop("scope", Scope.ACCOUNT), why, until_ms, **columns)


@pytest.mark.parametrize(
    ("why", "until_ms", "level"),
    [
        ("spend_limit", NOON_MS + 60_000, "exhausted"),
        ("billing", NOON_MS + 60_000, "exhausted"),
        ("on_hold", NEVER, "critical"),
        ("throttle", NOON_MS + 60_000, None),
        ("throttle", NOON_MS + 3_600_000, "warning"),
    ],
)
def test_a_hold_counts_by_its_reason_and_a_routine_one_by_its_length(why: str, until_ms: int, level: str) -> None:
    found = findings(scene(), snapshot(state(holds=(hold(why, until_ms=until_ms),))))
    assert ("hold", level) in shown(found)


def test_a_hold_of_one_model_group_is_routine() -> None:
    assert findings(scene(), snapshot(state(holds=(hold("spend_limit", group="opus"),)))) == []


def test_an_organizations_hold_is_one_cause_however_many_accounts_it_has() -> None:
    both: dict[str, Any] = {"holds": (hold("on_hold", scope=Scope.ORGANIZATION),), "organization": "org-1"}
    found = findings(scene("a", "b"), snapshot(state("a", **both), state("b", **both)))
    assert len({one.cause for one in found if one.cause.kind == "hold"}) == 1


def test_a_refused_key_is_found_and_what_anthropic_said_of_it() -> None:
    place = scene(accounts={"a": AccountFacts("alice", enabled=False, disabled_reason="invalid key: http 401")})
    found = findings(place, snapshot(state(enabled=False)))
    assert ("invalid_key", "critical") in shown(found)
    assert "(http 401)" in found[0].text


def test_a_pool_with_one_account_out_is_low() -> None:
    found = findings(scene("a", "b"), snapshot(state("a", breaker=BreakerState.OPEN), state("b")))
    assert ("pool_low", "warning") in shown(found)


def test_a_pool_of_one_account_is_not_low() -> None:
    assert findings(scene("a"), snapshot(state("a"))) == []


def test_a_pool_whose_second_account_a_person_switched_off_is_not_low() -> None:
    place = scene(accounts={"a": AccountFacts("alice"), "b": AccountFacts("bob", enabled=False)})
    assert findings(place, snapshot(state("a"), state("b", enabled=False))) == []


def test_an_empty_pool_is_empty_and_not_also_low() -> None:
    states = (state("a", breaker=BreakerState.OPEN), state("b", breaker=BreakerState.OPEN))
    found = shown(findings(scene("a", "b"), snapshot(*states)))
    assert ("pool_empty", "exhausted") in found
    assert ("pool_low", None) in found


def test_a_pool_without_accounts_is_nothing_to_tell() -> None:
    assert findings(scene(accounts={}), snapshot()) == []


def test_an_account_at_its_limit_per_day_does_not_serve_and_one_at_its_limit_per_minute_does() -> None:
    minute = Limit(Metric.REQUESTS, Window.MINUTE, 10)
    assert not serves(state(used=1_000), now_ms=NOON_MS)
    assert serves(state(used=10, limit=minute), now_ms=NOON_MS)
