"""What a call cost, and how much of it was paid for writing the prompt cache anew."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.billing import bill
from gateway.usage import Reading

DAY = date(2026, 11, 23)
SONNET, HAIKU = "claude-sonnet-5-5", "claude-haiku-5-5"
WRITE, HOUR, READ = 2_500, 4_000, 100
"""Nano-dollars per token of Sonnet 5.5: 2.50, 4 and 0.10 dollars per million."""


def extra(*, model=SONNET, five=0, hour=0, read=0, **more):
    created = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    usage = {
        "input_tokens": 7,
        "output_tokens": 9,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five + hour,
        "cache_creation": created,
        **more,
    }
    return bill(Reading(usage, model), model=model, on=DAY).cache_extra_nano


def test_what_was_written_is_priced_as_written_less_as_read():
    assert extra(five=10_000) == 10_000 * (WRITE - READ)
    assert extra(hour=10_000) == 10_000 * (HOUR - READ)
    assert extra(five=1_000, hour=500, read=9_000) == 1_000 * (WRITE - READ) + 500 * (HOUR - READ)


def test_an_answer_that_wrote_nothing_paid_nothing_for_it():
    assert extra(read=50_000) == 0


def test_it_is_the_rate_of_the_whole_prompt_that_counts():
    """Beyond 100,000 tokens Haiku 5.5 costs five times as much, whatever part of them is written."""
    assert extra(model=HAIKU, five=200_000) == 200_000 * (625 - 50)
    assert extra(model=HAIKU, five=10_000, read=190_000) == 10_000 * (625 - 50)


def test_speed_and_place_count():
    assert extra(model="claude-opus-5-5", five=1_000, speed="fast") == 2 * extra(model="claude-opus-5-5", five=1_000)
    assert extra(five=1_000, inference_geo="us") == pytest.approx(1.1 * extra(five=1_000), abs=2)


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([SONNET, HAIKU, "unheard-of"])
)
def test_it_is_a_whole_part_of_the_cost(five, hour, read, model):
    created = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    usage = {"cache_creation_input_tokens": five + hour, "cache_creation": created, "cache_read_input_tokens": read}
    made = bill(Reading(usage, model), model=model, on=DAY)
    assert isinstance(made.cache_extra_nano, int)
    assert 0 <= made.cache_extra_nano <= made.cost_nano
