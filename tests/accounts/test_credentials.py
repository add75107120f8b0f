import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.credentials import Secret, checked_api_key, fingerprint, hint
from accounts.errors import KeyRefused

GOOD = "sk-ant-api03-0123456789abcdef-XYZW"


def test_an_api_key_is_accepted_as_typed():
    assert checked_api_key(GOOD).reveal() == GOOD


@pytest.mark.parametrize("prefix", ["sk-ant-oat01", "sk-ant-ort01", "sk-ant-sid01", "SK-ANT-OAT01"])
def test_a_consumer_sign_in_token_is_refused_with_the_reason_and_the_way_out(prefix):
    with pytest.raises(KeyRefused, match=r"terms forbid.*Claude Console"):
        checked_api_key(f"{prefix}-0123456789abcdef")


def test_an_admin_key_is_refused_here_and_the_message_names_its_own_place():
    with pytest.raises(KeyRefused, match="ANTHROPIC_ADMIN_API_KEY"):
        checked_api_key("sk-ant-admin01-0123456789abcdef")


@pytest.mark.parametrize("text", [f" {GOOD}", f"{GOOD} ", f"{GOOD}\n", f"{GOOD}\r\n", f"\t{GOOD}"])
def test_white_space_around_a_key_is_refused_with_that_reason(text):
    with pytest.raises(KeyRefused, match="before or after"):
        checked_api_key(text)


@pytest.mark.parametrize("inside", [" ", "\n", "\x00", "\x7f", "é", "\u200b", "\r"])
def test_a_strange_character_inside_a_key_is_refused(inside):
    with pytest.raises(KeyRefused):
        checked_api_key(f"{GOOD}{inside}tail")


@pytest.mark.parametrize(
    "text", ["", "hello-there-this-is-long", "sk-ant-api", "sk-proj-0123456789abcdef", "nb_live_x"]
)
def test_what_is_no_anthropic_key_is_refused(text):
    with pytest.raises(KeyRefused):
        checked_api_key(text)


@given(st.text(max_size=80))
def test_a_refusal_never_repeats_the_text(tail):
    text = f"sk-ant-oat01-CANARY{tail}"
    with pytest.raises(KeyRefused) as refusal:
        checked_api_key(text)
    assert "CANARY" not in str(refusal.value)


@pytest.mark.parametrize("render", [repr, str, "{}".format, "{:>80}".format, lambda s: f"{[s]}", lambda s: f"{s!r}"])
def test_a_secret_shows_itself_in_no_rendering(render):
    assert GOOD not in render(Secret(GOOD))


def test_secrets_are_equal_by_their_text():
    assert Secret("a") == Secret("a") != Secret("b")


def test_a_secret_survives_copying_and_refuses_pickling():
    secret = Secret(GOOD)
    assert copy.deepcopy(secret) is secret
    with pytest.raises(TypeError) as refusal:
        pickle.dumps(secret)
    assert GOOD not in str(refusal.value)


def test_the_hint_is_the_last_four_characters():
    assert hint(Secret(GOOD)) == "XYZW"


@given(st.text())
def test_a_fingerprint_is_twelve_hex_digits_and_depends_on_the_key(text):
    mine, theirs = fingerprint(Secret(text), key=b"one" * 10), fingerprint(Secret(text), key=b"two" * 10)
    assert mine != theirs
    assert len(mine) == 12
    assert int(mine, 16) >= 0
