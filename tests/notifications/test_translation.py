import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.kinds import (
    NEVER_MS,
    AccountHeld,
    AgentEnded,
    AgentStarted,
    BreakerMoved,
    Kind,
    Notice,
    PoolTroubled,
)
from notifications.slack_messages import Audience, message_for
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

ENTRY_TYPES = [
    "breaker",
    "hold",
    "hold.cleared",
    "account.rejected",
    "pool.outage",
    "pool.common_cause",
    "activity.started",
    "activity.progress",
    "activity.completed",
    "activity.failed",
]


def notice_of(entry: FakeEntry) -> Notice:
    notice = translate(entry)
    assert notice is not None
    return notice


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("open", Kind.BREAKER_OPENED),
        ("half_open", Kind.BREAKER_HALF_OPEN),
        ("closed", Kind.BREAKER_CLOSED),
    ],
)
def test_a_breaker_transition_is_named_by_where_it_leads(to: str, kind: Kind) -> None:
    assert notice_of(breaker_entry(to=to)).kind is kind


def test_a_breaker_forced_open_is_open_whatever_its_state_was() -> None:
    assert notice_of(breaker_entry(to="closed", mode="forced_open")).kind is Kind.BREAKER_OPENED


def test_a_breaker_transition_keeps_every_fact() -> None:
    fact = notice_of(breaker_entry(gen=7, actor="carol")).fact
    assert fact == BreakerMoved(POOL, ALPHA, 7, "closed", "open", "http 503", NOON_MS + 300_000, "carol")


@pytest.mark.parametrize("why", ["spend_limit", "billing", "on_hold"])
def test_a_hold_that_a_person_must_lift_puts_the_account_out(why: str) -> None:
    assert notice_of(hold_entry(why=why)).kind is Kind.ACCOUNT_OUT


def test_a_short_throttle_is_only_a_hold() -> None:
    assert notice_of(hold_entry(why="throttle", until_ms=str(NOON_MS + 60_000))).kind is Kind.HOLD


def test_a_throttle_of_the_whole_account_for_an_hour_puts_it_out() -> None:
    assert notice_of(hold_entry(why="throttle")).kind is Kind.ACCOUNT_OUT


def test_a_hold_of_one_model_group_leaves_the_account_in() -> None:
    assert notice_of(hold_entry(why="throttle", group="opus")).kind is Kind.HOLD


def test_a_rejected_key_puts_the_account_out_until_a_person_acts() -> None:
    entry = FakeEntry("account.rejected", {"pool": POOL, "account": ALPHA, "why": "http 401"})
    notice = notice_of(entry)
    assert isinstance(notice.fact, AccountHeld)
    assert (notice.kind, notice.fact.why, notice.fact.until_ms) == (Kind.ACCOUNT_OUT, "invalid_key", NEVER_MS)


def test_a_lifted_hold_brings_the_account_back() -> None:
    entry = FakeEntry("hold.cleared", {"pool": POOL, "account": ALPHA, "actor": "carol"})
    assert notice_of(entry).kind is Kind.ACCOUNT_BACK


def test_an_outage_says_how_many_accounts_see_it() -> None:
    assert notice_of(FakeEntry("pool.outage", {"pool": POOL, "accounts": "3"})).fact == PoolTroubled(POOL, 3)


def test_a_common_cause_names_its_accounts() -> None:
    entry = FakeEntry("pool.common_cause", {"pool": POOL, "accounts": f"{ALPHA},{BRAVO}", "why": "http 401"})
    assert notice_of(entry).fact == PoolTroubled(POOL, 2, (ALPHA, BRAVO), "http 401")


def test_a_started_activity_says_who_asked_for_what() -> None:
    said = {"activity": "a", "pool": POOL, "source": "orchestrator", "model": "m", "stream": True, "access_key": "k"}
    notice = notice_of(FakeEntry("activity.started", {"payload": json.dumps(said)}))
    assert notice.fact == AgentStarted("a", POOL, "orchestrator", "m", "", "", stream=True)


def test_an_ended_activity_sums_tokens_but_not_searches() -> None:
    fact = notice_of(ended_entry()).fact
    assert isinstance(fact, AgentEnded)
    assert (fact.tokens, fact.cost_nano, fact.attempts, fact.duration_ms) == (1_234, 12_345_678, 1, 2_500)


def test_a_failed_activity_says_why() -> None:
    notice = notice_of(ended_entry(ok=False))
    assert isinstance(notice.fact, AgentEnded)
    assert (notice.kind, notice.fact.error_type) == (Kind.AGENT_FAILED, "overloaded_error")


@pytest.mark.parametrize("entry_type", ["lease.settled", "lease.expired", "something.new", ""])
def test_bookkeeping_is_no_news(entry_type: str) -> None:
    assert translate(FakeEntry(entry_type, {"pool": POOL})) is None


@pytest.mark.parametrize("payload", ["", "{", "[]", "null", "1"])
def test_an_activity_without_a_readable_record_is_left_out(payload: str) -> None:
    assert translate(FakeEntry("activity.completed", {"payload": payload})) is None


texts = st.text(max_size=40)
numbers = st.integers().map(str)
fields = st.dictionaries(
    st.sampled_from(["pool", "account", "accounts", "why", "until_ms", "gen", "to", "mode", "scope", "organization"]),
    texts | numbers | st.sampled_from(["open", "closed", "half_open", "forced_open"]),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(
    st.sampled_from(["activity", "account", "model", "usage", "cost_nano", "attempts", "error_message", "at_ms"]),
    json_values,
).map(json.dumps)
entries = st.builds(
    FakeEntry,
    type=st.sampled_from(ENTRY_TYPES),
    fields=st.builds(lambda known, payload: {**known, "payload": payload}, fields, records | texts),
    at_ms=st.integers(min_value=-(2**63), max_value=2**63),
)


@given(entries)
def test_whatever_the_stream_holds_is_told_or_left_out_but_never_raises(entry: FakeEntry) -> None:
    notice = translate(entry)
    if notice is not None:
        json.dumps(notice.as_message(names=NAMES))
        message_for(notice, audience=Audience(names=NAMES, user="U012AB3CD"))


def test_a_message_for_browsers_carries_names_beside_ids() -> None:
    said = notice_of(breaker_entry()).as_message(names=NAMES)
    assert (said["type"], said["account"], said["account_name"], said["pool_name"]) == (
        "breaker_opened",
        ALPHA,
        "alpha",
        "default",
    )
