"""A caller tells a whole answer from everything that only looks like one."""

import json

import pytest

from tests.chaos.judging import Word
from tests.chaos.reading import of_answer


def event(name, **data):
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


def delta(text):
    return event("content_block_delta", delta={"text": text})


START, STOP, ERROR = event("message_start"), event("message_stop"), event("error", error={"type": "x"})
MESSAGE = {"content": [{"text": "hello"}], "stop_reason": "end_turn", "usage": {"output_tokens": 2}}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (START + delta("hel") + delta("lo") + STOP, Word.WHOLE),
        (START + delta("hel") + event("ping") + delta("lo") + STOP, Word.WHOLE),
        ((START + delta("hello") + STOP).replace(b"\n", b"\r\n"), Word.WHOLE),
        (START + delta("hel") + ERROR, Word.BROKEN),
        (START + delta("hel") + b'event: content_block_delta\ndata: {"cut\nevent: ping\n\n' + ERROR, Word.BROKEN),
        (START + delta("hel"), Word.SILENT),
        (b"", Word.SILENT),
        (START + delta("hel") + STOP, Word.GARBLED),
        (START + b'event: odd\ndata: {"\xff": 1}\n\n' + delta("hello") + STOP, Word.GARBLED),
        (START + delta("hello") + STOP + ERROR, Word.SPLICED),
        (START + delta("hel") + START + delta("hello") + STOP, Word.SPLICED),
        (START + delta("hello") + STOP + delta("more"), Word.SPLICED),
    ],
)
def test_a_stream(body, word):
    assert of_answer(200, body, stream=True, text="hello").word is word


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (json.dumps(MESSAGE).encode(), Word.WHOLE),
        (json.dumps({**MESSAGE, "content": [{"text": "hel"}]}).encode(), Word.GARBLED),
        (b"", Word.GARBLED),
        (b"<html>", Word.GARBLED),
        (b"[]", Word.GARBLED),
    ],
)
def test_a_whole_answer(body, word):
    assert of_answer(200, body, stream=False, text="hello").word is word


def test_an_error_is_an_envelope():
    said = {"type": "error", "error": {"type": "api_error", "message": "Bad"}}
    assert of_answer(502, json.dumps(said).encode(), stream=False, text="").word is Word.REFUSED
    assert of_answer(502, b"<html>", stream=False, text="").word is Word.GARBLED
