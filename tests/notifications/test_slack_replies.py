import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.errors import SlackError, SlackMessageInvalid, SlackRateLimited, SlackRefused, SlackUnavailable
from notifications.slack_replies import DEFAULT_RETRY_AFTER, LONGEST_RETRY_AFTER, verdict


@pytest.mark.parametrize(
    ("status", "word", "expected"),
    [
        (200, "ok", None),
        (200, "channel_not_found", SlackRefused),
        (200, "not_in_channel", SlackRefused),
        (200, "token_revoked", SlackRefused),
        (200, "invalid_blocks", SlackMessageInvalid),
        (200, "ratelimited", SlackRateLimited),
        (200, "internal_error", SlackUnavailable),
        (200, "a_word_of_tomorrow", SlackMessageInvalid),
        (200, "", SlackMessageInvalid),
        (400, "invalid_payload", SlackMessageInvalid),
        (400, "no_text", SlackMessageInvalid),
        (403, "action_prohibited", SlackRefused),
        (403, "invalid_token", SlackRefused),
        (404, "no_service", SlackRefused),
        (404, "no_team", SlackRefused),
        (404, "<html>not here</html>", SlackRefused),
        (410, "channel_is_archived", SlackRefused),
        (418, "", SlackMessageInvalid),
        (429, "", SlackRateLimited),
        (500, "rollup_error", SlackUnavailable),
        (503, "<html>", SlackUnavailable),
    ],
)
def test_each_answer_of_slack_has_one_meaning(status: int, word: str, expected: type[SlackError] | None) -> None:
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
