"""An account's word and sentence."""

from dataclasses import replace

import pytest

from quota.engine.types import NEVER, BreakerMode, BreakerState, Limit, Metric, Scope, Window
from quota.engine.views import AccountState, HoldState, LimitState
from quota.standing import Finding, Row, Standing, countdown, finding_of, in_words

NOW = 1_800_000_000_000
FINE = Row(enabled=True, readable=True)
CLOSED = AccountState(
    id="alpha", enabled=True, priority=1, organization="", breaker=BreakerState.CLOSED, mode=BreakerMode.AUTO,
    generation=0, failures=0, open_until_ms=0, breaker_why="", probing=False, in_flight=0, load_ppm=0, last_used_ms=0,
    day_requests=0, day_tokens=0, day_cost=0, month_requests=0, month_tokens=0, month_cost=0, reserved_tokens=0,
    reserved_cost=0, minute_requests=0,
)  # fmt: skip
OPEN = replace(CLOSED, breaker=BreakerState.OPEN, open_until_ms=NOW + 252_000, breaker_why="http 503")


def held(why, until_ms=NOW + 60_000, **which):
    return replace(CLOSED, holds=(HoldState(scope=Scope.ACCOUNT, why=why, until_ms=until_ms, **which),))


def limited(used, reserved=0):
    limit = LimitState(Limit(Metric.TOKENS, Window.DAY, 100), used=used, reserved=reserved, resets_ms=NOW + 3_600_000)
    return replace(CLOSED, limits=(limit,))


@pytest.mark.parametrize(
    ("state", "row", "standing"),
    [
        (CLOSED, FINE, Standing.SERVING),
        (CLOSED, Row(enabled=False, readable=True), Standing.DISABLED),
        (CLOSED, Row(enabled=False, readable=True, disabled_reason="invalid key: http 401"), Standing.INVALID_KEY),
        (CLOSED, Row(enabled=True, readable=False), Standing.UNDECRYPTABLE),
        (OPEN, FINE, Standing.BREAKER_OPEN),
        (OPEN, Row(enabled=False, readable=True), Standing.DISABLED),
        (replace(OPEN, open_until_ms=NOW), FINE, Standing.HALF_OPEN),
        (replace(OPEN, breaker=BreakerState.HALF_OPEN), FINE, Standing.HALF_OPEN),
        (replace(OPEN, mode=BreakerMode.FORCED_CLOSED), FINE, Standing.SERVING),
        (replace(CLOSED, mode=BreakerMode.FORCED_OPEN), FINE, Standing.FORCED_OPEN),
        (held("throttle"), FINE, Standing.COOLING_DOWN),
        (held("spend_limit"), FINE, Standing.SPEND_LIMIT),
        (held("billing"), FINE, Standing.BILLING),
        (held("invalid_key", NEVER), FINE, Standing.INVALID_KEY),
        (held("throttle", group="opus-5"), FINE, Standing.SERVING),
        (held("model", model="claude-opus-5"), FINE, Standing.SERVING),
        (limited(99), FINE, Standing.SERVING),
        (limited(60, 40), FINE, Standing.AT_LIMIT),
        (replace(CLOSED, in_flight=3), replace(FINE, max_concurrency=3), Standing.BUSY),
    ],
)
def test_an_account_stands_as_the_selection_sees_it(state, row, standing):
    assert finding_of(state, row, now_ms=NOW).standing is standing


def test_of_several_obstacles_the_longest_counts():
    both = replace(OPEN, holds=held("spend_limit", NOW + 999_000_000).holds)
    assert finding_of(both, FINE, now_ms=NOW).standing is Standing.SPEND_LIMIT


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding(Standing.SERVING), "serving"),
        (Finding(Standing.BREAKER_OPEN, "http 503", NOW + 252_000), "breaker open (http 503), back in 4:12"),
        (Finding(Standing.SPEND_LIMIT, "spend_limit", NOW + 90_000_000), "spend limit, back in 1 d 01:00"),
        (Finding(Standing.DISABLED, "by ada", NEVER), "disabled (by ada)"),
        (Finding(Standing.BUSY, "3 of 3 requests at once"), "busy (3 of 3 requests at once)"),
    ],
)
def test_a_finding_is_one_sentence(finding, words):
    assert in_words(finding, now_ms=NOW) == words


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0:00"),
        (1, "0:01"),
        (59_001, "1:00"),
        (252_000, "4:12"),
        (11_052_000, "3:04:12"),
        (183_840_000, "2 d 03:04"),
    ],
)
def test_a_countdown_is_read_at_a_glance(ms, text):
    assert countdown(ms) == text
