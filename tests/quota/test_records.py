"""Records go to JSON and come back the same; usage adds up as Anthropic bills it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.errors import RecordUnreadable
from quota.records import (
    ActivityEnded,
    ActivityProgress,
    ActivityStarted,
    AttemptRecord,
    LeaseNote,
    Record,
    TokenUsage,
)

counts = st.integers(min_value=0, max_value=2**50)
usages = st.builds(TokenUsage, counts, counts, counts, counts, counts, counts)
texts = st.text(max_size=40)
attempts = st.builds(
    AttemptRecord,
    activity=texts,
    number=counts,
    account=texts,
    model=texts,
    group=texts,
    outcome=texts,
    status=st.none() | counts,
    usage=usages,
    first_content_ms=st.none() | counts,
)
records = (
    st.builds(LeaseNote, texts, counts, texts, texts)
    | attempts
    | st.builds(ActivityStarted, texts, texts, texts, texts, stream=st.booleans())
    | st.builds(ActivityProgress, texts, counts, texts, texts)
    | st.builds(
        ActivityEnded,
        texts,
        st.booleans(),
        usage=usages,
        attempts=st.lists(attempts, max_size=3).map(tuple),
        decision=st.lists(texts, max_size=3).map(tuple),
    )
)


@given(records)
def test_every_record_survives_json(record: Record) -> None:
    assert type(record).from_json(record.to_json()) == record


def test_unknown_fields_are_ignored_on_read() -> None:
    text = '{"activity": "a", "number": 2, "model": "m", "group": "g", "tomorrow": [1]}'
    assert LeaseNote.from_json(text) == LeaseNote("a", 2, "m", "g")


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"activity": 1}', b"\xff\xfe"])
def test_what_is_no_record_is_refused_by_name(text: str) -> None:
    with pytest.raises(RecordUnreadable, match="LeaseNote"):
        LeaseNote.from_json(text)


def test_an_error_message_is_cut_at_five_hundred_characters() -> None:
    assert len(ActivityEnded("a", ok=False, error_message="x" * 900).error_message) == 500


def test_the_total_counts_tokens_of_all_kinds_but_no_searches() -> None:
    assert TokenUsage(1, 2, 3, 4, 5, 100).total == 15


def test_cumulative_reports_of_one_answer_merge_to_the_larger_of_each_kind() -> None:
    start = TokenUsage(input_tokens=100, output_tokens=1)
    assert start.merge(TokenUsage(output_tokens=40)) == TokenUsage(input_tokens=100, output_tokens=40)


def test_two_answers_add_up() -> None:
    assert TokenUsage(1, 2, 3, 4, 5, 6) + TokenUsage(1, 1, 1, 1, 1, 1) == TokenUsage(2, 3, 4, 5, 6, 7)


def test_the_usage_of_a_message_is_read_by_kind() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 90,
        "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 50},
        "server_tool_use": {"web_search_requests": 2},
    }
    assert TokenUsage.from_api(usage) == TokenUsage(10, 20, 30, 40, 50, 2)


def test_cache_writes_without_a_breakdown_are_five_minute_ones() -> None:
    assert TokenUsage.from_api({"cache_creation_input_tokens": 7}) == TokenUsage(cache_write_5m_tokens=7)


def test_compaction_steps_are_added_and_message_steps_are_not() -> None:
    usage = {
        "input_tokens": 5,
        "iterations": [
            {"type": "compaction", "input_tokens": 100, "output_tokens": 9},
            {"type": "message", "input_tokens": 5},
        ],
    }
    assert TokenUsage.from_api(usage) == TokenUsage(input_tokens=105, output_tokens=9)


def test_odd_usage_counts_zero() -> None:
    odd = {"input_tokens": None, "output_tokens": "7", "cache_creation": 3, "iterations": "x"}
    assert TokenUsage.from_api(odd) == TokenUsage()
