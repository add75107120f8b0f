import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.slack_blocks import Channel, SlackMessage, digest, labelled
from notifications.slack_messages import Audience, greeting, message_for
from notifications.translation import translate
from tests.notifications.fakes import (
    ALPHA,
    BRAVO,
    NAMES,
    NOON_MS,
    POOL,
    FakeEntry,
    alert_entry,
    breaker_entry,
    ended_entry,
    hold_entry,
    progress_entry,
    started_entry,
    summary_entry,
)
from tests.notifications.test_translation import entries

USER = "U012AB3CD"
AUDIENCE = Audience(names=NAMES, user=USER)


def message_of(entry: FakeEntry, *, audience: Audience = AUDIENCE) -> SlackMessage:
    notice = translate(entry)
    assert notice is not None
    message = message_for(notice, audience=audience)
    assert message is not None
    return message


def texts_of(message: SlackMessage) -> list[str]:
    """Every text Slack would render, the fallback included."""

    def walk(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["text"]] if isinstance(value.get("text"), str) else []
            return own + [text for it in value.values() for text in walk(it)]
        return [text for it in value for text in walk(it)] if isinstance(value, (list, tuple)) else []

    return [message.text, *walk(message.blocks)]


def said(message: SlackMessage) -> str:
    return "\n".join(texts_of(message))


def test_an_alert_says_what_it_is_and_calls_a_person() -> None:
    text = said(message_of(alert_entry()))
    assert ":red_circle: alpha: 95 % of tokens per day used" in text
    assert "950 of 1,000 tokens." in text
    assert f"<@{USER}>" in text


@pytest.mark.parametrize(
    "entry", [alert_entry(level="warning"), alert_entry(step="resolved"), alert_entry(step="acknowledged", by="carol")]
)
def test_a_warning_and_what_is_over_or_seen_call_nobody(entry: FakeEntry) -> None:
    assert USER not in said(message_of(entry))


def test_an_alert_that_is_over_says_how_long_it_lasted() -> None:
    over = alert_entry(step="resolved", title="alpha: circuit open", at_ms=NOON_MS + 303_000)
    text = said(message_of(over))
    assert ":large_green_circle: Over: alpha: circuit open" in text
    assert "It lasted 5 min 3 s." in text


def test_an_alert_that_was_seen_says_by_whom() -> None:
    assert ":eyes: Seen by carol: alpha" in said(message_of(alert_entry(step="acknowledged", by="carol")))


def test_the_start_and_the_progress_of_a_request_are_told() -> None:
    assert "Request started" in said(message_of(started_entry()))
    assert "Attempt 1 on alpha ended" in said(message_of(progress_entry()))


def test_a_days_summary_says_what_was_used_and_what_is_open() -> None:
    text = said(message_of(summary_entry()))
    for part in ("default on 2026-11-21", "1,234, failed: 5", "$41.2000", "1: alpha: circuit open", "Lasts the month."):
        assert part in text


def test_keys_rejected_together_call_a_person_and_name_the_accounts() -> None:
    entry = FakeEntry("pool.common_cause", {"pool": POOL, "accounts": f"{ALPHA},{BRAVO}", "why": "http 401"})
    text = said(message_of(entry))
    assert "alpha, bravo" in text
    assert f"<@{USER}>" in text


def test_an_outage_calls_nobody_since_it_is_not_ours() -> None:
    entry = FakeEntry("pool.outage", {"pool": POOL, "accounts": "3"})
    assert USER not in said(message_of(entry))


def test_a_completed_request_says_account_model_duration_tokens_and_cost() -> None:
    text = said(message_of(ended_entry()))
    for part in ("alpha", "claude-opus-5-5", "2.5 s", "1,234 tokens", "$0.0123"):
        assert part in text


def test_a_cost_of_unknown_price_says_so() -> None:
    assert "price not known" in said(message_of(ended_entry(price_known=False)))


def test_a_failed_request_says_why_and_calls_a_person() -> None:
    text = said(message_of(ended_entry(ok=False)))
    assert "overloaded_error: every account was tried" in text
    assert f"<@{USER}>" in text


def test_completed_requests_can_be_told_without_calling_anybody() -> None:
    quiet = Audience(names=NAMES, user=USER, mention_completed=False)
    assert USER not in said(message_of(ended_entry(), audience=quiet))


@pytest.mark.parametrize(
    ("entry", "channel"),
    [(ended_entry(), Channel.ACTIVITY), (alert_entry(), Channel.ALERT), (summary_entry(), Channel.ALERT)],
)
def test_requests_go_to_activity_and_troubles_to_alerts(entry: FakeEntry, channel: Channel) -> None:
    assert message_of(entry).channel is channel


@pytest.mark.parametrize(
    "entry",
    [
        breaker_entry(),
        breaker_entry(to="half_open"),
        hold_entry(),
        FakeEntry("account.rejected", {"pool": POOL, "account": ALPHA, "why": "http 401"}),
    ],
)
def test_what_an_alert_tells_of_is_told_by_the_alert_alone(entry: FakeEntry) -> None:
    notice = translate(entry)
    assert notice is not None
    assert message_for(notice, audience=AUDIENCE) is None


def test_an_account_without_a_name_is_called_by_the_beginning_of_its_id() -> None:
    assert "11111111" in said(message_of(ended_entry(), audience=Audience(names={})))


def test_a_label_says_for_which_channel_a_message_was_meant() -> None:
    message = labelled(message_of(alert_entry()), label="#ops <!here>")
    assert message.text.startswith("[for #ops &lt;!here&gt;]")
    assert "for #ops &lt;!here&gt;" in said(message)


def test_a_digest_of_one_is_that_message() -> None:
    message = message_of(alert_entry())
    assert digest([message]) is message


def test_a_digest_lists_the_newest_and_counts_the_rest() -> None:
    messages = [message_of(alert_entry(title=f"trouble {number}")) for number in range(50)]
    text = said(digest(messages, dropped=3))
    assert "53 messages at once" in text
    assert "trouble 49" in text
    assert "33 others are not listed" in text


def test_a_digest_lists_alerts_before_a_flood_of_requests() -> None:
    requests = [message_of(ended_entry(activity=f"act-{number}")) for number in range(100)]
    assert "alpha: 95 %" in said(digest([message_of(alert_entry()), *requests]))


HOSTILE = st.text(alphabet=st.characters() | st.sampled_from("<>&@!|"), max_size=5_000)
hostile_alerts = st.builds(
    lambda title, text, by, step: alert_entry(title=title, text=text, by=by, step=step),
    HOSTILE,
    HOSTILE,
    HOSTILE,
    st.sampled_from(["opened", "escalated", "resolved", "acknowledged"]),
)
hostile_names = st.builds(lambda one, two: {ALPHA: one, POOL: two}, HOSTILE, HOSTILE)


@settings(max_examples=60)
@given(entries | hostile_alerts, hostile_names, HOSTILE)
def test_no_name_reason_or_error_can_put_a_mention_or_a_link_into_a_message(
    entry: FakeEntry, names: dict[str, str], why: str
) -> None:
    spoken = FakeEntry(entry.type, {**entry.fields, "why": why, "account": ALPHA, "pool": POOL}, at_ms=entry.at_ms)
    notice = translate(spoken)
    message = notice and message_for(notice, audience=Audience(names=names, user=USER))
    for text in texts_of(message) if message else []:
        assert "<" not in text.replace(f"<@{USER}>", "")


def assert_within_slacks_limits(message: SlackMessage) -> None:
    assert 0 < len(message.text) <= 4_000
    assert len(message.blocks) <= 50
    assert all(0 < len(text) <= 3_000 for text in texts_of(message))
    for block in message.blocks:
        fields = block.get("fields", [])
        assert len(fields) <= 10
        assert all(len(it["text"]) <= 2_000 for it in fields)
    assert sum(len(text) for text in texts_of(message)) <= 13_000
    json.dumps(message.blocks)


@settings(max_examples=60)
@given(entries | hostile_alerts, hostile_names)
def test_no_input_can_exceed_what_slack_accepts(entry: FakeEntry, names: dict[str, str]) -> None:
    notice = translate(entry)
    message = notice and message_for(notice, audience=Audience(names=names, user=USER))
    if message:
        assert_within_slacks_limits(message)
        assert_within_slacks_limits(labelled(message, label="#" + "x" * 500))
        assert_within_slacks_limits(digest([message] * 400, dropped=10**9))


def test_a_greeting_says_what_arrives_here() -> None:
    assert "alert messages arrive" in said(greeting(channel=Channel.ALERT, user="", at_ms=NOON_MS))
