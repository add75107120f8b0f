"""What the loop must know of a request is read from its bytes, which stay as they are."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UnusableRequest
from gateway.preparing import Context, PoolRules, affinity_key, prepare
from gateway.wire import Request
from quota.engine.types import Client, Limit, Metric, Window

NOW = 1_795_435_200_000
RULES = PoolRules(id="pool-id", name="default", strategy="least_loaded", queue_ms=5_000, queue_size=7)


def prepared(body, *, target="/v1/messages", rules=RULES, **context):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("POST", target, (), data)
    return prepare(request, context=Context(**context), rules=rules, activity="a", now_ms=NOW)


def test_model_group_and_stream_are_read():
    call = prepared({"model": "claude-opus-4-8", "stream": True})
    assert (call.model, call.group, call.stream) == ("claude-opus-4-8", "opus-4", True)


def test_the_pools_rules_go_with_it():
    call = prepared({"model": "claude-opus-5"})
    assert (call.pool, call.wait_ms, call.seats, call.strategy) == ("pool-id", 5_000, 7, "least_loaded")


def test_a_longer_answer_is_a_larger_estimate_in_the_worst_case():
    worst = PoolRules(id="p", name="p", estimate_policy="worst_case")
    short, long = (prepared({"model": "claude-opus-5", "max_tokens": n}, rules=worst) for n in (1_000, 9_900))
    assert long.tokens - short.tokens == 8_900
    assert long.cost > short.cost


@pytest.mark.parametrize("target", ["/v1/messages/count_tokens", "/v1/models?limit=5", "/v1/messages/batches"])
def test_what_makes_no_tokens_reserves_none(target):
    call = prepared({"model": "claude-opus-5", "max_tokens": 100}, target=target)
    assert (call.tokens, call.cost) == (0, 0)


@pytest.mark.parametrize(
    ("target", "group"),
    [
        ("/v1/messages?beta=true", "opus-5"),
        ("/v1/messages/count_tokens", "count_tokens"),
        ("/v1/models", "models"),
        ("/v1/messages/batches/msgbatch_1", "batches"),
    ],
)
def test_other_routes_have_limits_of_their_own(target, group):
    assert prepared({"model": "claude-opus-5"}, target=target).group == group


@pytest.mark.parametrize("model", [5, None, [], "x" * 101, "a\nb", "a\x00b", {"a": 1}])
def test_a_message_without_a_proper_model_is_refused(model):
    with pytest.raises(UnusableRequest, match="model"):
        prepared({"model": model})


@pytest.mark.parametrize("model", [5, "a\nb"])
def test_elsewhere_what_cannot_be_a_model_is_none(model):
    assert prepared({"model": model}, target="/v1/messages/batches").model == ""


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"model": "claude-opus-5"} x', b"\xff"])
def test_a_message_that_is_no_json_object_is_refused(body):
    with pytest.raises(UnusableRequest, match="not a JSON object"):
        prepared(body)


@pytest.mark.parametrize("tokens", ["100", -5, 1e30, None, True, [1]])
def test_an_odd_max_tokens_is_anthropics_business(tokens):
    assert prepared({"model": "claude-opus-5", "max_tokens": tokens}).tokens >= 0


@given(st.binary(max_size=200))
def test_no_body_of_another_route_makes_it_raise(body):
    assert prepared(body, target="/v1/files").pool == "pool-id"


@given(st.binary(max_size=200))
def test_a_message_of_any_bytes_is_described_or_refused(body):
    with suppress(UnusableRequest):
        assert prepared(body).model


def test_a_session_of_its_own_comes_before_the_bodys_user():
    body = {"model": "claude-opus-5", "metadata": {"user_id": "u"}}
    assert prepared(body, session="s").session == "s"
    assert prepared(body).session == "u"


def turn(*messages, system="You are patient. " * 200, model="claude-opus-5", session="", principal="", **fields):
    said = [{"role": "user", "content": text} for text in messages]
    body = {"model": model, "system": system, "messages": said, **fields}
    return prepared(body, session=session, principal=principal).affinity


def test_the_turns_of_one_conversation_are_one_session():
    assert turn("Hello") == turn("Hello", "And then?")
    assert turn("Hello") != ""


@pytest.mark.parametrize("other", [{"system": "Another. " * 400}, {"principal": "bob"}])
def test_what_cannot_share_a_cache_is_another_session(other):
    assert turn("Hello") != turn("Hello", **other)


def test_a_refused_conversation_that_goes_on_with_another_model_is_one_session():
    """Its credit (`fallback_credit_token`) is good in the workspace of the refusal only, for the same conversation."""
    assert turn("Hello") == turn("Hello", model="claude-sonnet-5-5")
    assert turn("Hello", "I will", fallback_credit_token="fct_1") == turn("Hello")


def test_a_conversation_that_asks_why_its_cache_missed_is_still_one_session():
    asked = turn("Hello", "And then?", diagnostics={"previous_message_id": "msg_1"})
    assert asked == turn("Hello")


CREATE, CONTINUE = {"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}


def test_threads_without_a_name_stay_together_for_each_principal():
    begun, gone_on = turn("Hello", thread=CREATE), turn("And then?", system="Be brief.", thread=CONTINUE)
    assert begun == gone_on != turn("Hello")
    assert turn("Hello", thread=CREATE, principal="bob") != begun


def test_a_thread_with_a_name_goes_by_it():
    assert turn("Hello", thread=CONTINUE, session="s") == turn("Hello", session="s")


def test_what_is_called_a_thread_and_is_none_goes_by_its_beginning():
    assert turn("Hello", thread="x") == turn("Hello", thread=None) == turn("Hello")


def test_another_first_message_is_another_session():
    assert turn("Hello") != turn("Good evening")


def test_what_is_too_short_to_be_cached_is_kept_nowhere():
    assert turn("Hello", system="Be brief.") == ""


def test_a_named_session_wins_over_the_beginning():
    assert turn("Hello", session="s") == turn("Other", session="s")


def test_equal_sessions_of_two_principals_are_two():
    assert affinity_key("alice", "s") != affinity_key("bob", "s")
    assert affinity_key("alice", "s") == affinity_key("alice", "s")


def test_a_principal_cannot_be_spelled_into_anothers_session():
    assert affinity_key("a", "b:c") != affinity_key("a:b", "c")
    assert affinity_key("a", "bc") != affinity_key("ab", "c")


def test_without_a_session_there_is_nothing_to_stick_to():
    assert affinity_key("alice", "") == ""


LIMITED = Client("ann", (Limit(Metric.TOKENS, Window.DAY, 1_000),))


def test_whoever_has_limits_of_tokens_reserves_the_worst_case_whatever_the_pool_says():
    body = {"model": "claude-opus-5", "max_tokens": 9_900}
    assert prepared(body, client=LIMITED).tokens > 9_900 > prepared(body, client=Client("bob")).tokens


@pytest.mark.parametrize(("method", "end"), [("POST", "/cancel"), ("DELETE", "")])
def test_nobodys_limit_stands_in_the_way_of_ending_something(method, end):
    request = Request(method, f"/v1/messages/batches/msgbatch_1{end}", (), b"")
    call = prepare(request, context=Context(client=LIMITED), rules=RULES, activity="a", now_ms=NOW)
    assert (call.client, call.access_key) == (None, "ann")
