import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.errors import DeliveryError, DestinationRefused, MessageInvalid, RateLimited, Unavailable
from notifications.slack_replies import DEFAULT_RETRY_AFTER, LONGEST_RETRY_AFTER, verdict


@pytest.mark.parametrize(
    ("status", "word", "expected"),
    [
        (200, "ok", None),
        (200, "channel_not_found", DestinationRefused),
        (200, "not_in_channel", DestinationRefused),
        (200, "token_revoked", DestinationRefused),
        (200, "invalid_blocks", MessageInvalid),
        (200, "ratelimited", RateLimited),
        (200, "internal_error", Unavailable),
        (200, "a_word_of_tomorrow", MessageInvalid),
        (200, "", MessageInvalid),
        (400, "invalid_payload", MessageInvalid),
        (400, "no_text", MessageInvalid),
        (403, "action_prohibited", DestinationRefused),
        (403, "invalid_token", DestinationRefused),
        (404, "no_service", DestinationRefused),
        (404, "no_team", DestinationRefused),
        (404, "<html>not here</html>", DestinationRefused),
        (410, "channel_is_archived", DestinationRefused),
        (418, "", MessageInvalid),
        (429, "", RateLimited),
        (500, "rollup_error", Unavailable),
        (503, "<html>", Unavailable),
    ],
)
def test_each_answer_of_slack_has_one_meaning(status: int, word: str, expected: type[DeliveryError] | None) -> None:
    found = verdict(status=status, word=word, retry_after=None)
    assert (type(found) if found else None) is expected


def test_a_refusal_says_what_to_do() -> None:
    error = verdict(status=200, word="not_in_channel", retry_after=None)
    assert error is not None
    assert "invite the bot" in error.advice


def test_a_page_of_html_is_not_repeated() -> None:
    assert "<" not in str(verdict(status=404, word="<html>secret</html>", retry_after=None))


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (None, DEFAULT_RETRY_AFTER),
        ("soon", DEFAULT_RETRY_AFTER),
        ("86400", LONGEST_RETRY_AFTER),
        ("9" * 400, LONGEST_RETRY_AFTER),
    ],
)
def test_the_pause_slack_asks_for_is_taken_within_reason(header: str | None, pause: float) -> None:
    error = verdict(status=429, word="", retry_after=header)
    assert error is not None
    assert error.retry_after == pause


@given(st.integers(min_value=100, max_value=599), st.text(), st.none() | st.text())
def test_any_answer_has_a_meaning(status: int, word: str, header: str | None) -> None:
    error = verdict(status=status, word=word, retry_after=header)
    assert error is None or error.code
