import pytest

from quota import times
from tests.quota.states import NOON

DAY = times.DAY_MS


@pytest.mark.parametrize(
    ("left_ms", "said"),
    [(252_000, "4:12"), (251_001, "4:12"), (9_000, "0:09"), (0, "0:00"), (-5, "0:00"), (3_600_000, "1 h 0 m")],
)
def test_a_clock_counts_down_in_minutes_and_seconds(left_ms: int, said: str) -> None:
    assert times.clock(left_ms) == said


@pytest.mark.parametrize(
    ("left_ms", "said"),
    [(7_000, "7 s"), (6_001, "7 s"), (61_000, "2 m"), (240_000, "4 m"), (18_720_000, "5 h 12 m"), (3 * DAY, "3 d 0 h")],
)
def test_a_span_is_rounded_up_to_what_is_shown(left_ms: int, said: str) -> None:
    assert times.about(left_ms) == said


@pytest.mark.parametrize(
    ("ahead_ms", "said"),
    [(1_860_000, "12:31 UTC"), (DAY // 2, "00:00 UTC"), (9 * DAY, "1 Dec"), (40 * DAY, "1 Jan 2027")],
)
def test_an_instant_is_an_hour_today_and_a_date_later(ahead_ms: int, said: str) -> None:
    assert times.instant(NOON + ahead_ms, now_ms=NOON) == said
