"""A stream is observed without being touched, wherever its chunks are cut."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sse import NEUTRALISE, StreamObserver


def event(name, data):
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


START = event(
    "message_start",
    {
        "type": "message_start",
        "message": {
            "type": "message",
            "model": "claude-sonnet-5-5",
            "usage": {
                "input_tokens": 25,
                "output_tokens": 1,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "speed": "fast",
                "inference_geo": "us",
            },
        },
    },
)
PING = event("ping", {"type": "ping"})
BLOCK = event("content_block_start", {"type": "content_block_start", "index": 0})


def delta(text):
    body = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return event("content_block_delta", body)


def usage(**fields):
    return event("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": fields})


STOP = event("message_stop", {"type": "message_stop"})
ERROR_DATA = b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
ERROR = b"event: error\ndata: " + ERROR_DATA + b"\n\n"
WHOLE = START + PING + BLOCK + delta("Hi 🙂") + delta('a "message_delta" in the text') + usage(output_tokens=15) + STOP


def observed(*chunks):
    observer = StreamObserver()
    for chunk in chunks:
        observer.feed(chunk)
    return observer


def facts(observer):
    reading = observer.reading
    return (
        observer.events,
        observer.content_seen,
        observer.stopped,
        observer.malformed,
        observer.error,
        observer.mid_event,
        reading.tokens,
        reading.speed,
        reading.geo,
        observer.generated_tokens,
    )


def test_a_whole_stream_tells_its_usage():
    observer = observed(WHOLE)
    assert observer.stopped
    assert not observer.malformed
    tokens = observer.reading.tokens
    assert (tokens.input_tokens, tokens.output_tokens) == (25, 15)
    assert (tokens.cache_write_5m_tokens, tokens.cache_write_1h_tokens) == (10, 20)
    assert (observer.reading.speed, observer.reading.geo) == ("fast", "us")


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_it_does_not_matter_where_the_chunks_are_cut(cuts):
    edges = [0, *sorted(cuts), len(WHOLE)]
    chunks = [WHOLE[a:b] for a, b in pairwise(edges)]
    assert facts(observed(*chunks)) == facts(observed(WHOLE))


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
def test_other_line_ends_mean_the_same(line_end):
    other = WHOLE.replace(b"\n", line_end)
    bytewise = [other[i : i + 1] for i in range(len(other))] + [b"\n" if line_end == b"\r" else b""]
    assert facts(observed(*bytewise))[1:5] == facts(observed(WHOLE))[1:5]
    assert observed(other + b"\n").reading == observed(WHOLE).reading


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_make_it_raise(some, more):
    facts(observed(some, more, b"\n\n", some))


def test_later_reports_overwrite_what_is_not_null():
    observer = observed(START, usage(output_tokens=5, input_tokens=None), usage(output_tokens=9, input_tokens=26))
    assert (observer.reading.tokens.input_tokens, observer.reading.tokens.output_tokens) == (26, 9)


@pytest.mark.parametrize("chunk", [START, PING, b": comment\n\n", START + PING, ERROR])
def test_there_is_no_content_yet(chunk):
    assert not observed(chunk).content_seen


@pytest.mark.parametrize("chunk", [BLOCK, delta("x"), usage(output_tokens=1), STOP, event("something_new", {})])
def test_there_is_content(chunk):
    assert observed(START, chunk).content_seen


def test_half_an_event_is_none():
    observer = observed(START, BLOCK[:-1])
    assert (observer.content_seen, observer.mid_event) == (False, True)


def test_an_error_event_is_kept_as_it_came():
    assert observed(START, ERROR).error == ERROR_DATA


@pytest.mark.parametrize(
    "broken",
    [
        b'event: content_block_delta\ndata: {"type": "content_blo\n\n',
        b'event: content_block_delta\ndata: {"type": "x", "text": "\xff\xfe"}\n\n',
        b"event: message_start\ndata: not json\n\n",
        b"event: message_delta\ndata: [1]\n\n",
        b'data: {"type": "message_stop"}\n\n',
        b"event: content_block_delta\n\n",
        b"<html>a page</html>\ndata: x\n\n",
    ],
)
def test_what_is_no_event_of_anthropics_is_malformed(broken):
    assert observed(broken).malformed


@pytest.mark.parametrize("name", ["message_start", "message_delta"])
def test_a_report_of_usage_that_is_no_utf8_is_malformed(name):
    odd = b'{"type": "' + name.encode() + b'", "\xff\xfe": 1, "usage": {"output_tokens": 2}}'
    assert observed(b"event: " + name.encode() + b"\ndata: " + odd + b"\n\n").malformed


@pytest.mark.parametrize("data", [b'{"type": "mess', b'{"type": "message_stop", "\xff": 1}', b""])
def test_an_end_that_no_client_can_read_is_no_end(data):
    observer = observed(START, BLOCK, b"event: message_stop\ndata: " + data + b"\n\n")
    assert (observer.malformed, observer.stopped) == (True, False)


@pytest.mark.parametrize("fine", [b": ping\n\n", b"retry: 10\n\n", b"\n\n\n", b"event: x\ndata: a\ndata: b\n\n"])
def test_what_any_stream_may_have_is_not_malformed(fine):
    assert not observed(START, fine).malformed


def test_an_event_without_end_is_malformed_in_the_end(monkeypatch):
    monkeypatch.setattr("gateway.sse.EVENT_MAX", 1_000)
    assert observed(b"event: content_block_delta\ndata: {", b"x" * 1_001).malformed


def test_what_was_generated_can_be_told_before_it_is_reported():
    observer = observed(START, BLOCK, *[delta("four characters or so ") for _ in range(10)])
    assert 10 <= observer.generated_tokens <= 60


def test_an_event_cut_anywhere_and_neutralised_is_nothing_the_sdk_would_read():
    from anthropic._streaming import SSEDecoder

    piece = delta("secret")
    for cut in range(1, len(piece)):
        events = SSEDecoder().iter_bytes(iter([piece[:cut] + NEUTRALISE + ERROR]))
        read = [event for event in events if event.event != "ping" and event.data]
        assert [event.event for event in read if event.data + "\n\n" not in piece.decode()] == ["error"]
