import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.slack_text import clipped, dollars, mention, quoted, seconds, user_id, utc

anything = st.text() | st.text(alphabet="&<>;amplgt@!U\n ")


@given(anything, st.integers(min_value=1, max_value=80))
def test_a_quoted_value_never_exceeds_its_limit(value: str, limit: int) -> None:
    assert len(quoted(value, limit=limit)) <= limit


@given(anything, st.integers(min_value=1, max_value=80))
def test_a_quoted_value_holds_no_bracket_and_only_whole_entities(value: str, limit: int) -> None:
    said = quoted(value, limit=limit)
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", said)


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" &<>;")))
def test_a_quoted_value_reads_as_it_was_on_one_line(value: str) -> None:
    said = quoted(value, limit=100_000)
    assert said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == " ".join(value.split())


@pytest.mark.parametrize("value", ["<!channel>", "<@U012AB3CD>", "<https://evil.example|click>", "a & b < c"])
def test_nothing_interpolated_can_mention_or_link(value: str) -> None:
    said = quoted(value, limit=200)
    assert html.unescape(said) == value
    assert "<" not in said


def test_an_entity_is_escaped_once() -> None:
    assert quoted("&lt;", limit=20) == "&amp;lt;"


def test_a_line_break_cannot_start_a_line_of_its_own() -> None:
    assert quoted("bad\r\n\u2028• all is well", limit=50) == "bad • all is well"


def test_cutting_never_splits_our_own_mention() -> None:
    assert clipped("abc <@U012AB3CD> def", limit=10) == "abc …"


@pytest.mark.parametrize("given_as", ["U012AB3CD", "<@U012AB3CD>", " U012AB3CD ", "<@U012AB3CD|carol>"])
def test_a_user_is_recognised_however_it_is_written(given_as: str) -> None:
    assert user_id(given_as) == "U012AB3CD"


@pytest.mark.parametrize("given_as", ["", "@carol", "carol", "<!channel>", "U0> <!here", "u012ab3cd", "C012AB3CD"])
def test_what_is_no_user_is_nobody(given_as: str) -> None:
    assert user_id(given_as) == ""


def test_nobody_is_mentioned_as_nothing() -> None:
    assert mention("") == ""


def test_times_are_in_utc() -> None:
    assert utc(1_795_348_800_000) == "2026-11-22 12:00 UTC"


@pytest.mark.parametrize("at_ms", [1 << 52, 1 << 62, 1 << 80])
def test_a_time_beyond_the_calendar_is_never(at_ms: int) -> None:
    assert utc(at_ms) == "never"


def test_money_is_shown_to_a_hundredth_of_a_cent() -> None:
    assert dollars(1_234_567_890_123) == "$1,234.5679"


def test_durations_are_shown_in_seconds() -> None:
    assert seconds(61_250) == "61.2 s"
