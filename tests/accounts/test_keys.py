import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.keys import LENGTH, PREFIX, checksum, hash_key, looks_valid, new_access_key


def test_a_new_key_has_the_documented_form():
    plain, _ = new_access_key()
    assert re.fullmatch(r"nb_live_[0-9A-Za-z]{32}[0-9A-Za-z]{6}", plain)


def test_a_new_key_looks_valid_and_no_two_are_alike():
    keys = {new_access_key()[0] for _ in range(500)}
    assert len(keys) == 500
    assert all(looks_valid(key) for key in keys)


def test_the_record_holds_a_hash_and_a_short_beginning_only():
    plain, record = new_access_key()
    assert record.sha256 == hash_key(plain)
    assert plain.startswith(record.hint)
    assert len(record.hint) == len(PREFIX) + 4


@given(st.integers(min_value=len(PREFIX), max_value=LENGTH - 1), st.sampled_from(string.ascii_letters + string.digits))
def test_a_single_wrong_character_breaks_the_checksum(position, character):
    plain, _ = new_access_key()
    changed = plain[:position] + character + plain[position + 1 :]
    assert looks_valid(changed) == (changed == plain)


@given(st.text(max_size=80))
def test_no_text_makes_the_check_fail_loudly(text):
    assert looks_valid(text) is False
    assert len(hash_key(text)) == 64


@pytest.mark.parametrize("text", ["", "nb_live_", "nb_live_" + "é" * 38, "x" * LENGTH, "NB_LIVE_" + "a" * 38])
def test_other_texts_do_not_look_valid(text):
    assert not looks_valid(text)


@given(st.text())
def test_a_checksum_always_has_six_characters(body):
    assert re.fullmatch(r"[0-9A-Za-z]{6}", checksum(body))
