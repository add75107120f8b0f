"""The outcome table, row by row."""

import json
from datetime import UTC, datetime

import pytest

from gateway.outcomes import Elsewhere, Kind, classify, usefulness
from gateway.replies import Fault, Reply
from gateway.rules import RULES
from quota.engine.types import Hold, Scope, Verdict

NOW = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * 1_000
DECEMBER = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * 1_000
MODEL = "claude-sonnet-5-5"
GROUP = "sonnet-5-5"
MINUTE = 60_000

ALIVE, FAILURE, NEUTRAL, REJECTED = Verdict.ALIVE, Verdict.FAILURE, Verdict.NEUTRAL, Verdict.REJECTED
YES, ONCE, NO = Elsewhere.YES, Elsewhere.ONCE, Elsewhere.NO


def error(status, type_, message="", *, code=None, headers=None, **reply):
    details = {"details": {"error_code": code}} if code else {}
    body = json.dumps({"type": "error", "error": {"type": type_, "message": message, **details}}).encode()
    return Reply(status=status, headers=headers or {}, body=body, model=MODEL, group=GROUP, **reply)


def page(status, content_type="text/html"):
    return Reply(status=status, headers={"content-type": content_type}, body=b"<html>blocked</html>", model=MODEL)


def fault(name):
    return Reply(fault=name, model=MODEL, group=GROUP)


def judged(reply):
    return classify(reply, now_ms=NOW)


def throttle(message="slow down", **headers):
    return error(429, "rate_limit_error", message, headers={k.replace("_", "-"): v for k, v in headers.items()})


LIMIT = "You have reached your specified API usage limits. You will regain access on 2026-11-30 at 06:30 UTC."
LIMIT_END = int(datetime(2026, 11, 30, 6, 30, tzinfo=UTC).timestamp()) * 1_000

# name: reply, kind, verdict, elsewhere, what the caller sees ("same": the upstream's own answer)
ROWS = {
    "success": (Reply(status=200), Kind.SUCCESS, Verdict.SUCCESS, NO, "same"),
    "throttle with retry-after": (throttle(retry_after="12"), Kind.THROTTLE, ALIVE, YES, "same"),
    "throttle that says nothing": (throttle(), Kind.THROTTLE, ALIVE, YES, "same"),
    "a thread that this account does not hold": (
        error(404, "not_found_error", "No thread for this model and message.", code="thread_not_found"),
        Kind.CALLER_ERROR,
        ALIVE,
        NO,
        "same",
    ),
    "ramp limit": (
        error(429, "rate_limit_error", code="ramp_limit_exceeded", headers={"retry-after": "7"}),
        Kind.RAMP,
        ALIVE,
        YES,
        "same",
    ),
    "tier's spend cap": (
        error(429, "rate_limit_error", code="enforced_spend_limit_reached"),
        Kind.SPEND_LIMIT,
        ALIVE,
        YES,
        429,
    ),
    "contract's spend cap": (
        error(429, "rate_limit_error", code="contract_spend_limit_reached"),
        Kind.SPEND_LIMIT,
        ALIVE,
        YES,
        429,
    ),
    "long context": (
        throttle("Extra usage is required for long context requests."),
        Kind.LONG_CONTEXT,
        ALIVE,
        YES,
        "same",
    ),
    "customer's usage limit": (error(400, "invalid_request_error", LIMIT), Kind.USAGE_LIMIT, ALIVE, YES, 429),
    "credit balance": (
        error(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        Kind.CREDIT,
        ALIVE,
        YES,
        503,
    ),
    "billing": (error(402, "billing_error", "pay"), Kind.BILLING, ALIVE, YES, 503),
    "organization on hold": (
        error(400, "invalid_request_error", "on hold", code="organization_on_hold"),
        Kind.ON_HOLD,
        REJECTED,
        YES,
        503,
    ),
    "organization disabled": (
        error(400, "invalid_request_error", "This organization has been disabled."),
        Kind.ORGANIZATION_DISABLED,
        REJECTED,
        YES,
        503,
    ),
    "dead key": (error(401, "authentication_error", "invalid x-api-key"), Kind.KEY_REJECTED, REJECTED, YES, 503),
    "key without permission": (
        error(403, "permission_error", "Your API key does not have permission to use the specified resource."),
        Kind.KEY_REJECTED,
        REJECTED,
        YES,
        503,
    ),
    "model not allowed": (
        error(403, "permission_error", f"Your organization may not use {MODEL}"),
        Kind.MODEL,
        ALIVE,
        YES,
        "same",
    ),
    "model not found": (error(404, "not_found_error", f"model: {MODEL}"), Kind.MODEL, ALIVE, YES, "same"),
    "feature not allowed": (
        error(403, "permission_error", "This beta is not available to you"),
        Kind.FEATURE,
        ALIVE,
        YES,
        "same",
    ),
    "edge page": (page(403), Kind.EDGE, NEUTRAL, ONCE, 503),
    "edge refusal in JSON": (error(403, "forbidden", "Request not allowed"), Kind.EDGE, NEUTRAL, ONCE, 503),
    "wrong base url": (page(404), Kind.EDGE, NEUTRAL, ONCE, 503),
    "overloaded": (error(529, "overloaded_error"), Kind.OVERLOADED, Verdict.OVERLOADED, ONCE, 529),
    "request timeout": (error(408, "timeout_error"), Kind.SERVER_ERROR, FAILURE, YES, "same"),
    "conflict": (error(409, "conflict_error"), Kind.SERVER_ERROR, FAILURE, YES, "same"),
    **{
        f"status {status}": (error(status, "api_error"), Kind.SERVER_ERROR, FAILURE, YES, 502)
        for status in (500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526)
    },
    "edge's error page": (page(520, "text/plain"), Kind.SERVER_ERROR, FAILURE, YES, 502),
    "connection refused": (fault(Fault.CONNECT), Kind.CONNECT, FAILURE, YES, 503),
    "connect timeout": (fault(Fault.CONNECT_TIMEOUT), Kind.CONNECT, FAILURE, YES, 503),
    "no first byte": (fault(Fault.FIRST_BYTE_TIMEOUT), Kind.TIMEOUT, FAILURE, YES, 504),
    "silence": (fault(Fault.GAP_TIMEOUT), Kind.TIMEOUT, FAILURE, YES, 504),
    "too long in all": (fault(Fault.TOTAL_TIMEOUT), Kind.TIMEOUT, FAILURE, YES, 504),
    "cut before content": (fault(Fault.CUT), Kind.CUT, FAILURE, YES, 502),
    "malformed": (fault(Fault.MALFORMED), Kind.MALFORMED, FAILURE, YES, 502),
    "compressed although asked not to": (fault(Fault.ENCODED), Kind.MALFORMED, FAILURE, YES, 502),
    "redirect": (Reply(status=307, headers={"location": "http://evil"}), Kind.UNEXPECTED, FAILURE, YES, 502),
    "a web page with status 200": (page(200), Kind.UNEXPECTED, FAILURE, YES, 502),
    "key not for this process": (fault(Fault.KEY_UNREADABLE), Kind.KEY_UNREADABLE, NEUTRAL, YES, 503),
    "address not for this process": (fault(Fault.ORIGIN_REFUSED), Kind.ORIGIN_REFUSED, NEUTRAL, YES, 503),
    "account deleted meanwhile": (fault(Fault.ACCOUNT_GONE), Kind.ACCOUNT_GONE, NEUTRAL, YES, 503),
    "caller left": (fault(Fault.CALLER_LEFT), Kind.CALLER_LEFT, NEUTRAL, NO, 499),
    "our own fault": (fault(Fault.OURS), Kind.OURS, NEUTRAL, NO, 503),
    "caller's 400": (
        error(400, "invalid_request_error", "messages: at least one"),
        Kind.CALLER_ERROR,
        ALIVE,
        NO,
        "same",
    ),
    "caller's 404": (error(404, "not_found_error", "Not found"), Kind.CALLER_ERROR, ALIVE, NO, "same"),
    "too large": (page(413), Kind.CALLER_ERROR, ALIVE, NO, "same"),
    "unprocessable": (error(422, "invalid_request_error"), Kind.CALLER_ERROR, ALIVE, NO, "same"),
    "first event overloaded": (
        error(200, "overloaded_error", in_stream=True),
        Kind.OVERLOADED,
        Verdict.OVERLOADED,
        ONCE,
        529,
    ),
    "first event api error": (error(200, "api_error", in_stream=True), Kind.SERVER_ERROR, FAILURE, YES, 502),
    "first event throttle": (error(200, "rate_limit_error", in_stream=True), Kind.THROTTLE, ALIVE, YES, "same"),
    "first event of no known type": (error(200, "strange", in_stream=True), Kind.SERVER_ERROR, FAILURE, YES, 502),
}


@pytest.mark.parametrize(("reply", "kind", "verdict", "elsewhere", "seen"), ROWS.values(), ids=ROWS.keys())
def test_a_row_of_the_table_holds(reply, kind, verdict, elsewhere, seen):  # noqa: PLR0917 - a row's columns
    outcome = judged(reply)
    assert (outcome.kind, outcome.verdict, outcome.elsewhere) == (kind, verdict, elsewhere)
    assert ("same" if outcome.caller.unchanged else outcome.caller.status) == seen


def test_every_kind_of_outcome_has_a_row_and_is_tested():
    assert {row[1] for row in ROWS.values()} == {rule.kind for rule in RULES} == set(Kind)


HOLDS = {
    "throttle": (throttle(retry_after="12"), Hold(Scope.ORGANIZATION, "throttle", for_ms=12_000, group=GROUP)),
    "throttle for a fraction": (
        throttle(retry_after="2.5"),
        Hold(Scope.ORGANIZATION, "throttle", for_ms=2_500, group=GROUP),
    ),
    "throttle in milliseconds": (
        throttle(retry_after_ms="1500", retry_after="99"),
        Hold(Scope.ORGANIZATION, "throttle", for_ms=1_500, group=GROUP),
    ),
    "throttle until a date": (
        throttle(retry_after="Mon, 23 Nov 2026 12:00:30 GMT"),
        Hold(Scope.ORGANIZATION, "throttle", for_ms=30_000, group=GROUP),
    ),
    "throttle until the latest reset of what is empty": (
        throttle(
            anthropic_ratelimit_requests_remaining="0",
            anthropic_ratelimit_requests_reset="2026-11-23T12:00:10Z",
            anthropic_ratelimit_input_tokens_remaining="0",
            anthropic_ratelimit_input_tokens_reset="2026-11-23T12:00:45Z",
            anthropic_ratelimit_output_tokens_remaining="1000",
            anthropic_ratelimit_output_tokens_reset="2026-11-23T13:00:00Z",
        ),
        Hold(Scope.ORGANIZATION, "throttle", for_ms=45_000, group=GROUP),
    ),
    "throttle that says nothing": (
        throttle(),
        Hold(Scope.ORGANIZATION, "throttle", for_ms=60_000, group=GROUP),
    ),
    "ramp": (ROWS["ramp limit"][0], Hold(Scope.ORGANIZATION, "ramp", for_ms=7_000, group=GROUP)),
    "spend cap until the first of the month": (
        ROWS["tier's spend cap"][0],
        Hold(Scope.ORGANIZATION, "spend_limit", until_ms=DECEMBER),
    ),
    "usage limit until the date it names": (
        ROWS["customer's usage limit"][0],
        Hold(Scope.ORGANIZATION, "spend_limit", until_ms=LIMIT_END),
    ),
    "a workspace's usage limit holds only the account": (
        error(400, "invalid_request_error", LIMIT.replace("specified", "specified workspace")),
        Hold(Scope.ACCOUNT, "spend_limit", until_ms=LIMIT_END),
    ),
    "usage limit without a date": (
        error(400, "invalid_request_error", "You have reached your specified API usage limits."),
        Hold(Scope.ORGANIZATION, "spend_limit", until_ms=DECEMBER),
    ),
    "usage limit with a date long past": (
        error(400, "invalid_request_error", LIMIT.replace("2026", "2006")),
        Hold(Scope.ORGANIZATION, "spend_limit", until_ms=DECEMBER),
    ),
    "credit is looked at again after a quarter of an hour": (
        ROWS["credit balance"][0],
        Hold(Scope.ORGANIZATION, "billing", until_ms=NOW + 15 * MINUTE),
    ),
    "billing until the first of the month": (
        ROWS["billing"][0],
        Hold(Scope.ORGANIZATION, "billing", until_ms=DECEMBER),
    ),
    "a model": (ROWS["model not found"][0], Hold(Scope.ACCOUNT, "model", for_ms=10 * MINUTE, model=MODEL)),
    "a failing server's retry-after": (
        error(503, "api_error", headers={"retry-after": "20"}),
        Hold(Scope.ACCOUNT, "retry_after", for_ms=20_000),
    ),
    "a failing server's retry-after is bounded": (
        error(503, "api_error", headers={"retry-after": "99999"}),
        Hold(Scope.ACCOUNT, "retry_after", for_ms=60_000),
    ),
}


@pytest.mark.parametrize(("reply", "hold"), HOLDS.values(), ids=HOLDS.keys())
def test_an_account_is_kept_away_for_as_long_as_the_cause_lasts(reply, hold):
    assert judged(reply).holds == (hold,)


@pytest.mark.parametrize("name", ["success", "caller's 400", "dead key", "long context", "status 500", "edge page"])
def test_nobody_is_kept_away_without_a_reason(name):
    assert judged(ROWS[name][0]).holds == ()


def good(**limits):
    """A good answer with these rate-limit headers: `requests=(limit, remaining, seconds until full)`."""
    headers: dict[str, str] = {}
    for name, (limit, remaining, seconds) in limits.items():
        prefix = f"anthropic-ratelimit-{name.replace('_', '-')}"
        full = datetime.fromtimestamp(NOW // 1_000 + seconds, tz=UTC).isoformat()
        headers |= {f"{prefix}-limit": str(limit), f"{prefix}-remaining": str(remaining), f"{prefix}-reset": full}
    return Reply(status=200, headers=headers, model=MODEL, group=GROUP)


@pytest.mark.parametrize(
    ("limits", "wait"),
    [
        ({"requests": (60, 0, 60)}, 1_000),
        ({"input_tokens": (100_000, 0, 60)}, 600),
        ({"requests": (60, 0, 60), "output_tokens": (2_000, 0, 60)}, 30_000),
        ({"tokens": (500, 0, 60)}, 60_000),
    ],
)
def test_the_last_answer_a_limit_had_room_for_keeps_others_away_until_one_more_fits(limits, wait):
    assert judged(good(**limits)).holds == (Hold(Scope.ORGANIZATION, "used_up", for_ms=wait, group=GROUP),)


@pytest.mark.parametrize(
    "limits", [{"requests": (60, 1, 60)}, {"requests": (60, 0, -1)}, {"requests": ("many", 0, 60)}, {}]
)
def test_a_good_answer_with_room_left_or_odd_headers_keeps_nobody_away(limits):
    assert judged(good(**limits)).holds == ()


@pytest.mark.parametrize(
    ("absurd", "wait"),
    [
        ("0", 1_000),
        ("-5", 60_000),
        ("nan", 60_000),
        ("inf", 32 * 86_400_000),
        ("1e400", 32 * 86_400_000),
        ("99999999999", 32 * 86_400_000),
        ("soon", 60_000),
        ("", 60_000),
        ("Mon, 01 Jan 1990 00:00:00 GMT", 1_000),
        ("Mon, 99 Foo 2026 12:00:00 GMT", 60_000),
    ],
)
def test_an_absurd_retry_after_is_bounded_or_ignored(absurd, wait):
    assert judged(throttle(retry_after=absurd)).wait_ms == wait


def test_the_spend_cap_in_december_lasts_until_january():
    december = int(datetime(2026, 12, 31, 23, 59, tzinfo=UTC).timestamp()) * 1_000
    january = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1_000
    assert classify(ROWS["tier's spend cap"][0], now_ms=december).holds[0].until_ms == january


@pytest.mark.parametrize("name", ["first event overloaded", "first event api error", "first event throttle"])
def test_nothing_is_tried_elsewhere_once_content_has_been_seen(name):
    reply = ROWS[name][0]
    seen = Reply(status=200, body=reply.body, in_stream=True, content_seen=True)
    assert judged(seen).elsewhere is NO


@pytest.mark.parametrize(
    "name", [Fault.CONNECT, Fault.CONNECT_TIMEOUT, Fault.OURS, Fault.KEY_UNREADABLE, Fault.ORIGIN_REFUSED]
)
def test_what_never_left_us_is_given_back(name):
    outcome = judged(fault(name))
    assert (outcome.sent, outcome.maybe_billed) == (False, False)


@pytest.mark.parametrize("name", [Fault.FIRST_BYTE_TIMEOUT, Fault.CUT, Fault.CALLER_LEFT, Fault.TOTAL_TIMEOUT])
def test_what_may_have_been_worked_on_may_have_been_billed(name):
    outcome = judged(fault(name))
    assert (outcome.sent, outcome.maybe_billed) == (True, True)


def test_the_reason_names_status_type_and_code():
    assert judged(ROWS["tier's spend cap"][0]).why == "http 429 rate_limit_error enforced_spend_limit_reached"


def test_no_secret_in_an_upstreams_text_gets_into_the_outcome():
    secret = "sk-ant-api03-CANARYcanary0123456789"
    reply = error(401, f"authentication_error {secret}", f"the key {secret} is invalid", code=secret)
    assert secret not in repr(judged(reply))
    assert "CANARY" not in repr(judged(reply))


def test_an_error_body_that_is_deeply_nested_is_no_error_body():
    assert judged(Reply(status=500, body=b"[" * 50_000)).kind is Kind.SERVER_ERROR


def test_a_throttle_is_more_useful_than_anything_but_the_callers_own_mistake():
    kinds = [outcome.kind for outcome in sorted((judged(row[0]) for row in ROWS.values()), key=usefulness)]
    assert next(kind for kind in kinds if kind is not Kind.CALLER_ERROR) in {Kind.THROTTLE, Kind.RAMP}


def test_the_throttle_that_ends_soonest_is_the_most_useful_one():
    soon, late = judged(throttle(retry_after="3")), judged(throttle(retry_after="30"))
    assert min((late, soon), key=usefulness) is soon
