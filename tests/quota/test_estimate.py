"""What a request is taken to use before it is sent."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from quota.estimate import EXPECTED, WORST_CASE, estimate
from quota.pricing import known_models, price
from quota.records import TokenUsage

TODAY = date(2026, 11, 22)
sizes = st.integers(min_value=0, max_value=2_000_000)


def test_the_expected_estimate_takes_a_token_for_four_bytes_and_the_usual_answer() -> None:
    found = estimate(
        model="claude-opus-5",
        body_bytes=401,
        max_tokens=8_000,
        policy=EXPECTED,
        on=TODAY,
        expected_output=300,
    )
    assert found.tokens == 101 + 300
    assert found.cost_nano == 101 * 5_000 + 300 * 25_000


def test_the_answer_is_never_taken_longer_than_its_cap() -> None:
    assert estimate(model="m", body_bytes=0, max_tokens=10, policy=EXPECTED, on=TODAY, expected_output=500).tokens == 10


@given(sizes, sizes, st.sampled_from(known_models(TODAY)), st.data())
def test_no_answer_within_the_worst_case_exceeds_it(body: int, cap: int, model: str, data: st.DataObject) -> None:
    worst = estimate(model=model, body_bytes=body, max_tokens=cap, policy=WORST_CASE, on=TODAY)
    written = data.draw(st.integers(0, body))
    usage = TokenUsage(input_tokens=body - written, cache_write_1h_tokens=written, output_tokens=cap)
    assert usage.total <= worst.tokens
    assert price(model=model, usage=usage, on=TODAY).nano <= worst.cost_nano


@given(sizes, sizes)
def test_the_expected_estimate_is_never_above_the_worst_case(body: int, cap: int) -> None:
    usual = estimate(model="claude-fable-5-2", body_bytes=body, max_tokens=cap, policy=EXPECTED, on=TODAY)
    worst = estimate(model="claude-fable-5-2", body_bytes=body, max_tokens=cap, policy=WORST_CASE, on=TODAY)
    assert usual.tokens <= worst.tokens
    assert usual.cost_nano <= worst.cost_nano
