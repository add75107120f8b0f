"""Counters as pure functions: nothing is lost, doubled or carried into a window it does not belong to."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from quota.engine.calendar import DAY_MS, day_of, month_of
from quota.engine.capacity import NOTHING, Amount, Counters, load_ppm, obstacles, share_ppm
from quota.engine.types import NEVER, Limit, Metric, Usage, Window

START = 20_711 * DAY_MS + DAY_MS - 90_000  # a minute and a half before midnight
amounts = st.builds(Amount, requests=st.just(1), tokens=st.integers(0, 1_000), cost=st.integers(0, 1_000))
gaps = st.integers(0, 70_000)
limits = st.builds(Limit, st.sampled_from(list(Metric)), st.sampled_from(list(Window)), st.integers(0, 3_000))


@dataclass
class Call:
    granted_ms: int
    estimate: Amount
    actual: Amount | None = None


@st.composite
def histories(draw: st.DrawFn) -> tuple[Counters, list[Call], int]:
    """Counters after calls were admitted and some of them settled, the calls, and now."""
    calls: list[Call] = []
    counters, now = Counters(), START
    for _ in range(draw(st.integers(1, 25))):
        now += draw(gaps)
        counters.roll(now)
        running = [call for call in calls if call.actual is None]
        call = draw(st.none() | st.sampled_from(running)) if running else None
        if call:
            call.actual = draw(st.one_of(amounts, st.just(NOTHING)))
            counters.replace(call.estimate, call.actual, granted_ms=call.granted_ms, still_held=True)
        else:
            calls.append(Call(now, draw(amounts)))
            counters.reserve(calls[-1].estimate, now_ms=now)
    return counters, calls, now


def total(calls: list[Call]) -> Amount:
    return sum((call.estimate if call.actual is None else call.actual for call in calls), start=NOTHING)


@given(histories())
def test_a_day_holds_what_its_own_calls_used_or_hold(history: tuple[Counters, list[Call], int]) -> None:
    counters, calls, now = history
    assert counters.gone(Window.DAY) == total([call for call in calls if day_of(call.granted_ms) == day_of(now)])


@given(histories())
def test_a_month_holds_what_its_own_calls_used_or_hold(history: tuple[Counters, list[Call], int]) -> None:
    counters, calls, now = history
    month = month_of(day_of(now))
    assert counters.gone(Window.MONTH) == total([c for c in calls if month_of(day_of(c.granted_ms)) == month])


@given(histories())
def test_a_minute_holds_at_least_its_own_calls(history: tuple[Counters, list[Call], int]) -> None:
    counters, calls, now = history
    recent = total([call for call in calls if call.granted_ms >= now - 60_000])
    gone = counters.gone(Window.MINUTE)
    assert gone.requests >= recent.requests
    assert (gone.tokens, gone.cost) >= (0, 0)


@given(histories())
def test_when_every_call_has_ended_nothing_is_held(history: tuple[Counters, list[Call], int]) -> None:
    counters, calls, _ = history
    for call in calls:
        if call.actual is None:
            counters.replace(call.estimate, NOTHING, granted_ms=call.granted_ms, still_held=True)
    assert set(counters.held.values()) == {NOTHING}


@given(histories(), limits, amounts)
def test_the_instant_named_for_a_limit_is_never_past_and_never_too_late(
    history: tuple[Counters, list[Call], int], limit: Limit, estimate: Amount
) -> None:
    counters, _, now = history
    for _, at in obstacles(counters, (limit,), estimate, now_ms=now):
        assert now < at
        assert (at == NEVER) == (estimate.of(limit.metric) > limit.amount)


@given(histories(), st.integers(1, 1_000))
def test_a_minute_fits_at_the_instant_named(history: tuple[Counters, list[Call], int], amount: int) -> None:
    counters, _, now = history
    limit = Limit(Metric.TOKENS, Window.MINUTE, amount)
    estimate = Amount(1, min(amount, 500), 0)
    for _, at in obstacles(counters, (limit,), estimate, now_ms=now):
        counters.roll(at)
        assert not list(obstacles(counters, (limit,), estimate, now_ms=at))


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_share_is_in_parts_per_million(part: int, whole: int) -> None:
    assert abs(share_ppm(part, whole) - min(part * 10**6 / whole, 1 << 30)) <= 1


def test_a_share_of_nothing_is_beyond_every_measure() -> None:
    assert share_ppm(0, 0) == 1 << 30


def test_without_limits_and_cap_there_is_no_load() -> None:
    counters = Counters.restored(Usage(day=1, day_requests=5, day_tokens=10**9))
    assert load_ppm(counters, (), in_flight=50, cap=None) == 0


def test_a_full_cap_is_a_full_account() -> None:
    assert load_ppm(Counters(), (), in_flight=4, cap=4) == 1_000_000
