"""What the loop must know of a request is read from its bytes, which stay as they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.preparing import Context, PoolRules, affinity_key, prepare
from gateway.wire import Request

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
    call = prepared({})
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
def test_what_cannot_be_a_model_is_none(model):
    assert prepared({"model": model}).model == ""


@pytest.mark.parametrize("tokens", ["100", -5, 1e30, None, True, [1]])
def test_an_odd_max_tokens_is_anthropics_business(tokens):
    assert prepared({"model": "claude-opus-5", "max_tokens": tokens}).tokens >= 0


@given(st.binary(max_size=200))
def test_no_body_makes_it_raise(body):
    assert prepared(body).pool == "pool-id"


def test_a_session_of_its_own_comes_before_the_bodys_user():
    assert prepared({"metadata": {"user_id": "u"}}, session="s").session == "s"
    assert prepared({"metadata": {"user_id": "u"}}).session == "u"


def test_equal_sessions_of_two_principals_are_two():
    assert affinity_key("alice", "s") != affinity_key("bob", "s")
    assert affinity_key("alice", "s") == affinity_key("alice", "s")


def test_a_principal_cannot_be_spelled_into_anothers_session():
    assert affinity_key("a", "b:c") != affinity_key("a:b", "c")
    assert affinity_key("a", "bc") != affinity_key("ab", "c")


def test_without_a_session_there_is_nothing_to_stick_to():
    assert affinity_key("alice", "") == ""
