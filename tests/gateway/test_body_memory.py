"""Bodies of one process have so much memory together, and no more."""

import pytest

from gateway.body_memory import FREE, BodyMemory
from gateway.errors import CallerRefused
from gateway.paths import FILE_MAX, MESSAGE_MAX


def test_the_largest_file_fits_alone():
    BodyMemory().share().grow_to(FILE_MAX)


def test_many_large_messages_are_refused_when_no_room_is_left():
    memory = BodyMemory(limit=FILE_MAX)
    for _ in range(FILE_MAX // (MESSAGE_MAX - FREE)):
        memory.share().grow_to(MESSAGE_MAX)
    with pytest.raises(CallerRefused) as refused:
        memory.share().grow_to(MESSAGE_MAX)
    assert refused.value.status == 529
    assert memory.held <= memory.limit


def test_what_is_given_back_is_free_again():
    memory = BodyMemory(limit=FILE_MAX)
    first = memory.share()
    first.grow_to(FILE_MAX)
    with pytest.raises(CallerRefused):
        memory.share().grow_to(MESSAGE_MAX)
    first.give_back()
    first.give_back()
    memory.share().grow_to(MESSAGE_MAX)
    assert memory.held == MESSAGE_MAX - FREE


def test_a_growing_body_is_counted_once():
    share = BodyMemory().share()
    for size in (FREE, 2 * FREE, 3 * FREE):
        share.grow_to(size)
    assert share.held == share.memory.held == 2 * FREE


def test_too_little_for_a_file_is_a_mistake():
    with pytest.raises(ValueError, match="too few"):
        BodyMemory(limit=MESSAGE_MAX)
