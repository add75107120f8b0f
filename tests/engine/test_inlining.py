"""Constants of the scripts become literals, and nothing else changes."""

import re

import pytest

from quota.engine.inlining import inline
from quota.engine.scripts import NAMES, scripts, source


def test_a_constant_becomes_its_number():
    assert inline("local OPEN = 1\nreturn s[OPEN]\n") == "return s[1]\n"


def test_several_declared_at_once_each_get_their_own():
    assert inline("local OPEN, CLOSED = 1, 0\nreturn OPEN + CLOSED\n") == "return 1 + 0\n"


def test_a_key_becomes_its_place():
    assert inline("local CLOCK = KEYS[2]\ncall('GET', CLOCK)\n") == "call('GET', KEYS[2])\n"


def test_a_longer_name_is_another_name():
    assert inline("local OPEN = 1\nreturn OPEN_UNTIL\n") == "return OPEN_UNTIL\n"


def test_words_in_strings_stay():
    assert inline("local LIMIT = 1\nreturn 'LIMIT'\n") == "return 'LIMIT'\n"


def test_an_apostrophe_in_a_comment_starts_no_string():
    assert inline("local OPEN = 1 -- isn't it\nreturn OPEN -- it's\nOPEN'\n").startswith("return 1 --")


def test_fields_of_tables_stay():
    assert inline("local OPEN = 1\nreturn a.OPEN\n") == "return a.OPEN\n"


def test_what_is_computed_stays_a_name():
    text = "local LATEST = NEVER - 1\nreturn LATEST\n"
    assert inline(text) == text


@pytest.mark.parametrize("name", NAMES)
def test_no_numbered_place_is_left_as_a_name(name: str):
    assert not re.search(r"^local [A-Z_, ]+ = [\d, ]+$", scripts()[name].text, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_no_constant_is_declared_twice_in_one_script(name: str):
    required = re.search(r"^-- requires:(.*)$", source(name), re.MULTILINE)
    parts = [*(required[1].split() if required else []), name]
    declared = [n for part in parts for line in re.findall(r"^local ([A-Z_, ]+) =", source(part), re.MULTILINE)
                for n in line.split(", ")]  # fmt: skip
    assert len(declared) == len(set(declared))
