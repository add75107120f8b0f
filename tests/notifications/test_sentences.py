"""What the live view says of each notice."""

import pytest

from notifications.kinds import Kind
from notifications.sentences import sentence
from notifications.translation import translate
from tests.notifications.fakes import ALPHA, NAMES, POOL, FakeEntry, breaker_entry, ended_entry, hold_entry


def said(entry: FakeEntry) -> str:
    notice = translate(entry)
    assert notice is not None
    return sentence(notice, names=NAMES)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (breaker_entry(), "alpha: breaker opened (http 503)"),
        (breaker_entry(to="half_open"), "alpha: breaker half-open, one request tries whether it answers"),
        (breaker_entry(to="closed"), "alpha: breaker closed, it serves again"),
        (breaker_entry(mode="forced_open", actor="ada"), "alpha: breaker forced open by ada (http 503)"),
        (breaker_entry(mode="forced_closed", actor="ada"), "alpha: breaker forced closed by ada (http 503)"),
        (
            hold_entry(why="throttle", group="opus-5"),
            "alpha cools down for opus-5 until 2026-11-22 13:00 UTC (throttle)",
        ),
        (hold_entry(why="spend_limit"), "alpha is out until 2026-11-22 13:00 UTC (spend limit)"),
        (
            FakeEntry("account.rejected", {"pool": POOL, "account": ALPHA, "why": "401"}),
            "alpha is out until a person acts (invalid key: 401)",
        ),
        (
            FakeEntry("hold.cleared", {"pool": POOL, "account": ALPHA, "actor": "ada"}),
            "alpha is back: its hold was lifted by ada",
        ),
        (
            FakeEntry("pool.outage", {"pool": POOL, "accounts": "3"}),
            "Anthropic is overloaded: 3 accounts say so at once, no breaker moves",
        ),
        (
            FakeEntry("pool.common_cause", {"pool": POOL, "accounts": "a,b", "why": "401"}),
            "2 keys were rejected at once (401): look at the network and the base URL",
        ),
        (ended_entry(), "alpha answered in 2.5 s, 1,234 tokens, $0.0123"),
        (ended_entry(ok=False), "A request failed: overloaded_error: every account was tried"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_each_notice_is_one_sentence(entry: FakeEntry, words: str) -> None:
    assert said(entry) == words


def test_a_request_names_its_session() -> None:
    entry = FakeEntry("activity.started", {"payload": '{"activity": "a", "model": "claude-x", "session": "s"}'})
    assert said(entry) == "claude-x asked for (session s)"


def test_a_failover_says_why() -> None:
    payload = f'{{"activity": "a", "account": "{ALPHA}", "number": 1, "outcome": "throttle"}}'
    assert said(FakeEntry("activity.progress", {"payload": payload})) == (
        "alpha failed a request (throttle), the next account is tried"
    )


def test_an_account_without_a_name_is_called_by_the_beginning_of_its_id() -> None:
    notice = translate(breaker_entry())
    assert notice is not None
    assert notice.kind is Kind.BREAKER_OPENED
    assert sentence(notice, names={}).startswith("11111111: ")
