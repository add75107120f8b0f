"""What people are told of an account."""

from typing import Any

import pytest

from quota.engine.types import NEVER, BreakerMode, BreakerState, Metric, Window
from quota.engine.views import AccountState
from quota.status import UNKNOWN, Status, Tone, Word, status_of
from tests.quota.states import NOON, hold, learned, limit, opened, state

DAYS = 86_400_000


def told(it: AccountState, **facts: Any) -> Status:
    return status_of(it, **{"enabled": True, "readable": True, "now_ms": NOON, **facts})


def test_a_healthy_account_serves() -> None:
    status = told(state())
    assert (status.word, status.text, status.tone, status.serves) == (Word.SERVING, "serving", Tone.GOOD, True)


def test_failures_so_far_are_mentioned() -> None:
    assert told(state(failures=3)).why == "3 failed in a row"


@pytest.mark.parametrize(
    ("it", "said", "tone"),
    [
        (opened(), "breaker open, back in 4:12", Tone.BAD),
        (state(holds=(hold("retry_after"),)), "cooling down until 12:04 UTC (4 m)", Tone.PASSING),
        (state(holds=(hold("spend_limit", for_ms=9 * DAYS),)), "spend limit until 1 Dec", Tone.BAD),
        (state(holds=(hold("billing", for_ms=3_600_000),)), "out of credit until 13:00 UTC", Tone.BAD),
        (state(holds=(hold("on_hold", for_ms=NEVER),)), "on hold", Tone.BAD),
        (state(limits=(limit(used=10, amount=10),)), "over its limit until 00:00 UTC", Tone.PASSING),
        (state(breaker=BreakerState.HALF_OPEN, probing=True), "half-open", Tone.PASSING),
        (state(mode=BreakerMode.FORCED_OPEN), "breaker forced open", Tone.BAD),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_what_keeps_an_account_from_serving_is_said_with_its_end(it: AccountState, said: str, tone: Tone) -> None:
    status = told(it)
    assert (status.text, status.tone, status.serves) == (said, tone, False)


def test_a_breaker_whose_time_is_over_waits_for_its_probe() -> None:
    status = told(opened(until_ms=NOON))
    assert (status.text, status.why) == ("half-open", "the next request is the probe: http 503")


def test_the_reason_of_an_open_breaker_is_what_failed() -> None:
    assert told(opened()).why == "http 503"


def test_of_two_things_in_the_way_the_longer_is_named() -> None:
    assert told(opened(holds=(hold("spend_limit", for_ms=9 * DAYS),))).word is Word.SPEND_LIMIT
    assert told(opened(holds=(hold("retry_after", for_ms=1_000),))).word is Word.BREAKER_OPEN


@pytest.mark.parametrize(
    ("facts", "word", "why"),
    [
        ({"enabled": False, "disabled_for": "by ada"}, Word.DISABLED, "by ada"),
        ({"enabled": False, "disabled_for": "invalid key (401)"}, Word.INVALID_KEY, "enter a valid one"),
        ({"readable": False}, Word.UNDECRYPTABLE, "restore ENCRYPTION_KEY"),
        ({"enabled": False, "readable": False}, Word.DISABLED, ""),
    ],
)
def test_what_the_database_says_comes_first(facts: dict[str, Any], word: Word, why: str) -> None:
    status = told(opened(), **facts)
    assert (status.word, why in status.why, status.until_ms) == (word, True, NEVER)


def test_an_account_that_the_engine_still_holds_for_disabled_does_not_serve() -> None:
    assert told(state(enabled=False)).word is Word.DISABLED


def test_a_rejected_key_is_known_before_the_ledger_has_disabled_it() -> None:
    assert told(state(holds=(hold("invalid_key", for_ms=NEVER),))).text == "invalid key"


def test_a_hold_on_one_model_group_leaves_the_others() -> None:
    status = told(state(holds=(hold("throttle", group="opus-5"),)))
    assert (status.text, status.serves) == ("serving, but not opus-5 until 12:04 UTC (4 m)", True)
    assert (status.tone, status.why) == (Tone.PASSING, "Anthropic throttles it")


def test_a_limit_of_the_minute_names_no_time() -> None:
    status = told(state(limits=(limit(used=60, amount=60, metric=Metric.REQUESTS, window=Window.MINUTE),)))
    assert (status.text, status.why) == ("over its limit", "60 of 60 requests per minute")


def test_a_limit_filled_by_calls_under_way_may_open_at_any_moment() -> None:
    assert told(state(limits=(limit(used=4, reserved=6, amount=10),))).text == "over its limit"


def test_money_is_said_in_dollars() -> None:
    it = state(limits=(limit(used=12_500_000_000, amount=12_500_000_000, metric=Metric.COST),))
    assert told(it).why == "12.50 of 12.50 US dollars per day"


def test_an_account_at_its_cap_is_busy() -> None:
    status = told(state(in_flight=4), cap=4)
    assert (status.text, status.why) == ("busy", "4 of 4 requests at once")


def test_a_forced_closed_breaker_serves_and_says_so() -> None:
    status = told(opened(mode=BreakerMode.FORCED_CLOSED))
    assert (status.text, status.why) == ("serving", "its breaker is forced closed: http 503")


def test_the_template_stays_the_same_while_time_passes() -> None:
    first, later = (status_of(opened(), enabled=True, readable=True, now_ms=NOON + ms) for ms in (0, 60_000))
    assert first.template == later.template == "breaker open, back in {clock}"
    assert later.text == "breaker open, back in 3:12"


def test_an_account_that_is_not_loaded_does_not_serve() -> None:
    assert not UNKNOWN.serves


def test_a_rate_limit_that_anthropic_says_is_used_up_names_its_group_and_its_end() -> None:
    status = told(state(learned=(learned(remaining=0, back_in_ms=65_000),)))
    assert (status.text, status.serves) == ("serving, but not opus-5 until 12:01 UTC (2 m)", True)
    assert status.why == "Anthropic says 0 of 50 requests remain until 12:01:05 UTC"


def test_a_rate_limit_with_something_left_is_nothing_to_speak_of() -> None:
    assert told(state(learned=(learned(remaining=1),))).word is Word.SERVING
