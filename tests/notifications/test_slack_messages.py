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
    breaker_entry,
    ended_entry,
    hold_entry,
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


def test_an_open_circuit_says_which_account_why_and_when_it_is_tried_again() -> None:
    text = said(message_of(breaker_entry()))
    assert "Circuit open: alpha" in text
    assert "http 503" in text
    assert "2026-11-22 12:05 UTC" in text


def test_an_open_circuit_mentions_nobody_since_it_comes_back_by_itself() -> None:
    assert USER not in said(message_of(breaker_entry()))


def test_a_circuit_forced_open_says_by_whom_and_that_it_stays() -> None:
    text = said(message_of(breaker_entry(mode="forced_open", actor="carol")))
    assert "Forced open by carol; stays open until a person changes it." in text


def test_a_closed_circuit_says_recovered() -> None:
    assert "Recovered: alpha" in said(message_of(breaker_entry(to="closed")))


def test_an_account_out_says_why_when_it_is_back_and_calls_a_person() -> None:
    text = said(message_of(hold_entry()))
    assert "spend limit" in text
    assert "Out until 2026-11-22 13:00 UTC" in text
    assert f"<@{USER}>" in text


def test_a_rejected_key_is_out_until_a_person_acts() -> None:
    entry = FakeEntry("account.rejected", {"pool": POOL, "account": ALPHA, "why": "http 401"})
    assert "Out until a person acts (http 401)." in said(message_of(entry))


def test_a_long_throttle_calls_nobody() -> None:
    assert USER not in said(message_of(hold_entry(why="throttle")))


def test_a_hold_of_an_organization_says_that_it_reaches_further() -> None:
    assert "its whole organization" in said(message_of(hold_entry(scope="organization", organization="org-1")))


def test_an_account_back_says_who_lifted_its_hold() -> None:
    entry = FakeEntry("hold.cleared", {"pool": POOL, "account": ALPHA, "actor": "carol"})
    assert "lifted by carol" in said(message_of(entry))


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
    [(ended_entry(), Channel.ACTIVITY), (breaker_entry(), Channel.ALERT), (hold_entry(), Channel.ALERT)],
)
def test_requests_go_to_activity_and_troubles_to_alerts(entry: FakeEntry, channel: Channel) -> None:
    assert message_of(entry).channel is channel


@pytest.mark.parametrize(
    "entry",
    [
        breaker_entry(to="half_open"),
        hold_entry(why="throttle", until_ms=str(NOON_MS + 1)),
        FakeEntry("activity.started", {"payload": "{}"}),
        FakeEntry("activity.progress", {"payload": "{}"}),
    ],
)
def test_what_passes_by_itself_is_worth_no_message(entry: FakeEntry) -> None:
    notice = translate(entry)
    assert notice is not None
    assert message_for(notice, audience=AUDIENCE) is None


def test_an_account_without_a_name_is_called_by_the_beginning_of_its_id() -> None:
    assert "Circuit open: 11111111" in said(message_of(breaker_entry(), audience=Audience(names={})))


def test_a_label_says_for_which_channel_a_message_was_meant() -> None:
    message = labelled(message_of(breaker_entry()), label="#ops <!here>")
    assert message.text.startswith("[for #ops &lt;!here&gt;]")
    assert "for #ops &lt;!here&gt;" in said(message)


def test_a_digest_of_one_is_that_message() -> None:
    message = message_of(breaker_entry())
    assert digest([message]) is message


def test_a_digest_lists_the_newest_and_counts_the_rest() -> None:
    messages = [message_of(breaker_entry(why=f"trouble {number}")) for number in range(50)]
    text = said(digest(messages, dropped=3))
    assert "53 messages at once" in text
    assert "trouble 49" in text
    assert "33 others are not listed" in text


def test_a_digest_lists_alerts_before_a_flood_of_requests() -> None:
    requests = [message_of(ended_entry(activity=f"act-{number}")) for number in range(100)]
    assert "Circuit open: alpha" in said(digest([message_of(breaker_entry()), *requests]))


HOSTILE = st.text(alphabet=st.characters() | st.sampled_from("<>&@!|"), max_size=5_000)
hostile_names = st.builds(lambda one, two: {ALPHA: one, POOL: two}, HOSTILE, HOSTILE)


@settings(max_examples=60)
@given(entries, hostile_names, HOSTILE)
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
@given(entries, hostile_names)
def test_no_input_can_exceed_what_slack_accepts(entry: FakeEntry, names: dict[str, str]) -> None:
    notice = translate(entry)
    message = notice and message_for(notice, audience=Audience(names=names, user=USER))
    if message:
        assert_within_slacks_limits(message)
        assert_within_slacks_limits(labelled(message, label="#" + "x" * 500))
        assert_within_slacks_limits(digest([message] * 400, dropped=10**9))


def test_a_greeting_says_what_arrives_here() -> None:
    assert "alert messages arrive" in said(greeting(channel=Channel.ALERT, user="", at_ms=NOON_MS))
