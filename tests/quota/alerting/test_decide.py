"""Alerts open once per cause, only get worse, and end by themselves: for any history of findings."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.alerting.decide import (
    MINUTE_QUIET_MS,
    POOL_QUIET_MS,
    Calmed,
    Change,
    Escalated,
    Opened,
    Resolved,
    decide,
    quiet_ms,
)
from quota.alerting.values import Cause, CauseKind, Finding, Level, OpenAlert, Subject

CAUSES = (
    Cause(CauseKind.LIMIT, Subject.ACCOUNT, "a", "tokens per day"),
    Cause(CauseKind.LIMIT, Subject.ACCOUNT, "a", "requests per minute"),
    Cause(CauseKind.BREAKER, Subject.ACCOUNT, "a"),
    Cause(CauseKind.POOL_LOW, Subject.POOL, "p"),
)
DAY, MINUTE, BREAKER, LOW = CAUSES


def alert(cause: Cause = DAY, level: Level = Level.WARNING, calm_since_ms: int | None = None) -> OpenAlert:
    return OpenAlert(f"alert of {cause.key}", cause.key, cause.kind, cause.detail, level, calm_since_ms)


def test_what_is_found_opens_an_alert() -> None:
    finding = Finding(DAY, Level.WARNING)
    assert decide([finding], [], now_ms=0) == [Opened(finding)]


def test_what_is_open_already_changes_nothing() -> None:
    assert decide([Finding(DAY, Level.WARNING)], [alert()], now_ms=0) == []


def test_what_gets_worse_escalates() -> None:
    finding = Finding(DAY, Level.CRITICAL)
    assert decide([finding], [alert()], now_ms=0) == [Escalated(alert(), finding)]


def test_what_gets_better_without_being_over_keeps_its_level() -> None:
    assert decide([Finding(DAY, Level.WARNING)], [alert(level=Level.EXHAUSTED)], now_ms=0) == []


def test_what_is_hardly_found_opens_nothing_and_ends_nothing() -> None:
    hardly = Finding(DAY, None)
    assert decide([hardly], [], now_ms=0) == decide([hardly], [alert()], now_ms=0) == []


def test_what_is_gone_is_resolved() -> None:
    assert decide([], [alert()], now_ms=0) == [Resolved(alert())]


@pytest.mark.parametrize(("cause", "quiet"), [(MINUTE, MINUTE_QUIET_MS), (LOW, POOL_QUIET_MS)])
def test_what_comes_and_goes_must_be_gone_for_a_while(cause: Cause, quiet: int) -> None:
    assert decide([], [alert(cause)], now_ms=5) == [Calmed(alert(cause), 5)]
    calm = alert(cause, calm_since_ms=5)
    assert decide([], [calm], now_ms=4 + quiet) == []
    assert decide([], [calm], now_ms=5 + quiet) == [Resolved(calm)]


def test_what_comes_back_in_that_while_is_the_same_alert() -> None:
    calm = alert(MINUTE, calm_since_ms=5)
    assert decide([Finding(MINUTE, Level.WARNING)], [calm], now_ms=6) == [Calmed(calm, None)]


found = st.dictionaries(st.sampled_from(CAUSES), st.sampled_from([None, *Level]), max_size=4)
histories = st.lists(st.tuples(st.integers(0, 2 * MINUTE_QUIET_MS), found), max_size=30)


def applied(alerts: dict[str, OpenAlert], changes: list[Change]) -> dict[str, OpenAlert]:
    """The open alerts after these changes. A cause that opens twice fails here."""
    after = dict(alerts)
    for change in changes:
        match change:
            case Opened(finding):
                assert finding.cause.key not in after
                assert finding.level
                after[finding.cause.key] = alert(finding.cause, finding.level)
            case Escalated(one, finding):
                assert finding.level
                assert finding.level.rank > one.level.rank
                after[one.cause] = replace(after[one.cause], level=finding.level)
            case Resolved(one):
                del after[one.cause]
            case Calmed(one, since_ms):
                after[one.cause] = replace(after[one.cause], calm_since_ms=since_ms)
    return after


@given(histories)
def test_there_is_one_open_alert_per_cause_at_least_as_bad_as_what_is_found(
    history: list[tuple[int, dict[Cause, Level | None]]],
) -> None:
    alerts: dict[str, OpenAlert] = {}
    now_ms = 0
    for pause, now_found in history:
        now_ms += pause
        before = alerts
        alerts = applied(before, decide([Finding(*one) for one in now_found.items()], before.values(), now_ms=now_ms))
        for cause, level in now_found.items():
            assert level is None or alerts[cause.key].level.rank >= level.rank
        assert all(alerts[key].level.rank >= before[key].level.rank for key in alerts.keys() & before.keys())


@given(histories)
def test_whatever_is_found_deciding_again_at_once_changes_nothing_more(
    history: list[tuple[int, dict[Cause, Level | None]]],
) -> None:
    alerts: dict[str, OpenAlert] = {}
    now_ms = 0
    for pause, now_found in history:
        now_ms += pause
        now = [Finding(*one) for one in now_found.items()]
        alerts = applied(alerts, decide(now, alerts.values(), now_ms=now_ms))
        assert decide(now, alerts.values(), now_ms=now_ms) == []


@given(histories)
def test_when_nothing_is_found_any_more_every_alert_ends(history: list[tuple[int, dict[Cause, Level | None]]]) -> None:
    alerts: dict[str, OpenAlert] = {}
    now_ms = 0
    for pause, now_found in history:
        now_ms += pause
        alerts = applied(alerts, decide([Finding(*one) for one in now_found.items()], alerts.values(), now_ms=now_ms))
    for _ in range(2):
        alerts = applied(alerts, decide([], alerts.values(), now_ms=now_ms))
        now_ms += max(map(quiet_ms, alerts.values()), default=0)
    assert not alerts
