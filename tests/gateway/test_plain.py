"""What others wrote is passed on only where it looks like ordinary prose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plain import ELISION, TEXT_MAX, code, identity, named, plain


@pytest.mark.parametrize(
    "text",
    [
        "Your credit balance is too low to access the Anthropic API.",
        "messages.0.content: Input should be a valid list",
        "You will regain access on 2026-04-01 at 00:00 UTC.",
        "model: claude-sonnet-5-5",
        "max_tokens: 9000 > 8192, which is the maximum",
    ],
)
def test_ordinary_error_prose_stays_as_it_is(text):
    assert plain(text).replace(f" {ELISION} ", " > ") == text


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcDEF123456",
        "sk-ant-lowercase-only",
        "nb_live_0123456789abcdef",
        "xoxb-123-abc",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "<script>alert(1)</script>",
        "https://user:pass@host/path",
        "a" * 40,
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_anything_else_becomes_an_ellipsis(secret):
    assert plain(f"the key {secret} is wrong") == f"the key {ELISION} is wrong"


@pytest.mark.parametrize("model", ["gpt-4o", "claude-3-5-sonnet-20241022", "vendor/model:v1.2", "claude-NEXT"])
def test_the_callers_own_model_is_said(model):
    assert named(model) == model
    assert plain(f"model: {model} is unknown", model=model) == f"model: {model} is unknown"


@pytest.mark.parametrize("model", ["sk-ant-api03-abcDEF123456", "a" * 81, "two words", "<b>", "line\nbreak", "é"])
def test_what_is_no_models_name_is_not_said(model):
    assert named(model) == ELISION
    assert model not in plain(f"about {model}", model=model).split()


def test_a_long_text_is_cut():
    assert len(plain("word " * 1_000)) <= TEXT_MAX


@given(st.text(), st.text(alphabet="abcdefXYZ0123456789_-", min_size=8))
def test_no_text_lets_an_api_key_through(around, tail):
    assert f"sk-ant-{tail}" not in plain(f"{around} sk-ant-{tail} {around}")


@pytest.mark.parametrize("text", ["", "Has Spaces", "UPPER", "a" * 65, "x\n", "é", "sk-ant"])
def test_what_has_not_the_shape_of_a_code_is_none(text):
    assert code(text) == ""


@pytest.mark.parametrize("text", ["req_011CSHoEeqs5C35K2UUqR7Fy", "0f9f3d3c-1b5e-4a29-9c3f-2b7c0c6d5e4f"])
def test_an_id_of_anthropics_is_kept(text):
    assert identity(text) == text


@pytest.mark.parametrize("text", ["", "a b", "x\r\ny", "sk-ant-api03-x", "a" * 129])
def test_what_has_not_the_shape_of_an_id_is_none(text):
    assert identity(text) == ""
