"""The orchestrator's body is read strictly, and every mistake in it is named."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidCall
from gateway.orders import MAX_TOKENS_DEFAULT, MESSAGE_MAX, Order, read_order


def read(**fields):
    return read_order(json.dumps(fields).encode())


def refused(body):
    with pytest.raises(InvalidCall) as caught:
        read_order(body)
    return caught.value


def test_a_message_alone_is_enough():
    assert read(message="Hi") == Order(message="Hi", max_tokens=MAX_TOKENS_DEFAULT)


def test_every_field_is_read():
    fields: dict[str, Any] = {
        "message": "Hi",
        "system": "Be brief.",
        "model": "claude-opus-5-5",
        "max_tokens": 7,
        "category": "it/test",
        "session_id": "conversation 42",
        "stream": True,
    }
    assert read(**fields) == Order(**fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message", None),
        ("message", ""),
        ("message", "   \n"),
        ("message", 5),
        ("message", ["Hi"]),
        ("message", "x" * (MESSAGE_MAX + 1)),
        ("system", 5),
        ("model", "claude sonnet"),
        ("model", "../etc/passwd"),
        ("model", "x" * 101),
        ("model", 5),
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("max_tokens", 128_001),
        ("max_tokens", "100"),
        ("max_tokens", 1.5),
        ("max_tokens", True),
        ("category", "<script>"),
        ("category", "x" * 51),
        ("session_id", "a\nb"),
        ("session_id", "x" * 201),
        ("session_id", "\x00"),
        ("stream", "yes"),
        ("stream", 1),
        ("api_key", "sk-ant-x"),
        ("base_url", "http://evil"),
    ],
)
def test_a_wrong_field_is_named(field, value):
    body = json.dumps({"message": "Hi", field: value}).encode()
    assert list(refused(body).details) == [field]


def test_all_mistakes_are_named_at_once():
    assert set(refused(b'{"max_tokens": 0, "what": 1}').details) == {"message", "max_tokens", "what"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'"Hi"', b"null", b'{"max_tokens": NaN}', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body):
    assert refused(body).code in {"invalid_json", "invalid_request"}


@given(st.binary(max_size=300))
def test_no_body_makes_it_raise_anything_else(body):
    with suppress(InvalidCall):
        read_order(body)
