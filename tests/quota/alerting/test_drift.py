"""When Anthropic's word and ours are too far apart to say nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from quota.alerting.decide import DRIFT_QUIET_MS, decide
from quota.alerting.drift import apart, differences, rate_limits
from quota.alerting.findings import findings
from quota.alerting.values import AllowedFacts, CauseKind, Compared, Level, LimitsChanged, OpenAlert, Told, Tolerance
from quota.engine.types import Account, Limit, Metric, Window
from quota.organizations.counts import Count, Line
from tests.quota.alerting.cast import NOON_MS, scene, shown, snapshot, state

TODAY = date(2026, 11, 22)
TOLERANCE = Tolerance(percent=5, cost_nano=1_000_000_000, tokens=1_000)


def line(back: int, ours: int, theirs: int, *, final: bool | None = None, **costs: int | None) -> Line:
    """So many days ago; final unless it is today."""
    mine, yours = costs.get("ours_cost", 0), costs.get("theirs_cost", 0)
    settled = back > 0 if final is None else final
    return Line("a", TODAY - timedelta(days=back), Count(ours, mine), Count(theirs, yours), settled)


def compared(*lines: Line, final: date = TODAY) -> Compared:
    return Compared(lines, final)


def found(*lines: Line, final: date = TODAY) -> dict[str, date]:
    """What differs, and since when."""
    return {one.detail: one.since for one in differences(compared(*lines, final=final), TOLERANCE)}


@pytest.mark.parametrize(
    ("ours", "theirs", "far"),
    [
        (Count(100_000), Count(100_000), False),
        (Count(100_000), Count(105_000), False),  # within five percent of the larger
        (Count(100_000), Count(106_000), True),
        (Count(106_000), Count(100_000), True),
        (Count(0), Count(999), False),  # all of it, but too little
        (Count(0), Count(1_000), True),
        (Count(0, 0), Count(0, 999_999_999), False),
        (Count(0, 0), Count(0, 1_000_000_000), True),
        (Count(0, 10**12), Count(0, None), False),  # nobody told the cost
    ],
)
def test_counts_are_apart_by_percent_and_by_amount(ours: Count, theirs: Count, *, far: bool) -> None:
    assert apart(ours, theirs, TOLERANCE) is far


def test_an_agreeing_month_is_no_matter() -> None:
    assert found(line(0, 500_000, 100_000), line(1, 90_000, 90_000), line(2, 80_000, 80_000)) == {}


def test_the_last_final_day_is_compared_and_its_month() -> None:
    yesterday = TODAY - timedelta(days=1)
    assert found(line(1, 0, 90_000), line(2, 80_000, 80_000)) == {"day": yesterday, "month": yesterday}


def test_since_when_reaches_back_over_days_that_differ_one_after_the_other() -> None:
    lines = [line(1, 0, 9_000), line(2, 0, 9_000), line(3, 8_000, 8_000), line(4, 0, 9_000)]
    assert found(*lines) == {"day": TODAY - timedelta(days=2), "month": TODAY - timedelta(days=4)}


def test_a_day_that_agrees_again_ends_the_days_and_not_the_months() -> None:
    assert list(found(line(1, 50_000, 50_000), line(2, 0, 9_000))) == ["month"]


def test_a_day_without_any_usage_agrees() -> None:
    assert list(found(line(3, 0, 9_000))) == ["month"]


def test_today_is_a_difference_only_where_anthropic_has_more() -> None:
    assert found(line(0, 90_000, 0)) == {}
    assert found(line(0, 0, 90_000)) == {"day": TODAY}


def test_yesterday_that_is_not_final_yet_is_looked_at_like_today() -> None:
    lines = [line(0, 10, 0), line(1, 0, 90_000, final=False), line(2, 7, 7)]
    assert found(*lines, final=TODAY - timedelta(days=1)) == {"day": TODAY - timedelta(days=1)}


def test_on_the_first_the_month_that_has_ended_is_compared() -> None:
    first = date(2026, 12, 1)
    lines = [Line("a", date(2026, 11, 30), Count(0), Count(9_000), final=True)]
    (day, month) = differences(Compared(tuple(lines), first), TOLERANCE)
    assert (day.when, month.when) == ("on 2026-11-30", "in 2026-11, up to 2026-11-30")


def test_many_small_differences_make_a_month() -> None:
    lines = [line(back, 10_000, 10_900, final=True) for back in range(1, 11)]
    assert found(*lines) == {"month": TODAY - timedelta(days=10)}


def told(*lines: Line) -> Told:
    return Told(compared={"a": compared(*lines)})


def test_people_are_told_both_counts_since_when_and_what_it_means() -> None:
    there = scene(told=told(line(1, 1_000_000, 1_500_000, theirs_cost=3_000_000_000)), tolerance=TOLERANCE)
    day, month = findings(there, snapshot(state()))
    assert (day.cause.key, month.cause.key) == ("drift:account:a:day", "drift:account:a:month")
    assert (day.level, day.title) == (Level.WARNING, "alice: Anthropic's count of the day is not ours")
    assert day.text.startswith(
        "On 2026-11-21 Anthropic counted 1,500,000 tokens ($3.00), we counted 1,000,000 tokens ($0.00). "
        "Apart since 2026-11-21. What we did not count has not passed through this pool"
    )


def test_a_pool_that_counts_it_says_so() -> None:
    there = scene(told=told(line(0, 0, 9_000)), tolerance=TOLERANCE, counts_foreign=True)
    (day,) = findings(there, snapshot(state()))
    assert day.text.endswith("It counts against the account's limits.")


def test_where_we_count_more_the_text_says_why_that_may_be() -> None:
    (day, _) = findings(scene(told=told(line(1, 9_000, 0)), tolerance=TOLERANCE), snapshot(state()))
    assert "calls charged by estimate" in day.text


def test_a_pool_that_wants_none_of_it_hears_nothing() -> None:
    assert findings(scene(told=told(line(1, 0, 10**9)), tolerance=None), snapshot(state())) == []


def test_it_ends_when_the_counts_have_agreed_for_ten_minutes() -> None:
    alert = OpenAlert("1", "drift:account:a:day", CauseKind.DRIFT, "day", Level.WARNING)
    (calmed,) = decide([], [alert], now_ms=NOON_MS)
    calm = replace(alert, calm_since_ms=NOON_MS)
    assert type(calmed).__name__ == "Calmed"
    assert decide([], [calm], now_ms=NOON_MS + DRIFT_QUIET_MS - 1) == []
    assert [type(it).__name__ for it in decide([], [calm], now_ms=NOON_MS + DRIFT_QUIET_MS)] == ["Resolved"]


# Rate limits


def accounts(*rpm: int, enabled: bool = True) -> tuple[Account, ...]:
    return tuple(
        Account(str(at), enabled=enabled, limits=(Limit(Metric.REQUESTS, Window.MINUTE, amount),), organization="org_1")
        for at, amount in enumerate(rpm)
    )


def judged(*rpm: int, enabled: bool = True, **facts: object) -> list[tuple[str, str | None]]:
    allowed = AllowedFacts("acme", {"opus-5": 1_000, "haiku-5": 4_000}, **facts)  # type: ignore[arg-type]
    there = scene(told=Told(allowed={"org_1": allowed}))
    return shown(list(rate_limits(there, snapshot(configuration=accounts(*rpm, enabled=enabled)))))


def test_accounts_that_may_ask_more_than_their_organization_is_allowed_are_named() -> None:
    assert judged(2_500, 2_000) == [("rate_limits", "warning")]


def test_accounts_within_what_their_organization_is_allowed_are_no_matter() -> None:
    assert judged(2_000, 2_000) == judged(9_000, enabled=False) == []


def test_an_organization_whose_limits_nobody_told_is_no_matter() -> None:
    assert list(rate_limits(scene(), snapshot(configuration=accounts(9_000)))) == []


def test_a_changed_limit_says_what_it_was_and_what_it_is() -> None:
    at = datetime(2026, 11, 22, 11, tzinfo=UTC)
    change = LimitsChanged("opus-5", {"requests_per_minute": 4_000}, {"requests_per_minute": 1_000}, at)
    there = scene(told=Told(allowed={"org_1": AllowedFacts("acme", changed=(change,))}))
    (finding,) = rate_limits(there, snapshot(configuration=accounts(10)))
    assert finding.title == "acme: Anthropic changed the limits of opus-5"
    assert "requests per minute: 4,000 before, 1,000 now" in finding.text
