"""Reading the stream of facts."""

import pytest

from quota.engine.stream import decode


def test_an_entry_is_its_type_its_time_and_its_fields() -> None:
    entry = decode(b"1789473600123-4", {b"type": b"hold", b"pool": b"p", b"why": "naïve".encode()})
    assert (entry.id, entry.type, entry.at_ms) == ("1789473600123-4", "hold", 1_789_473_600_123)
    assert entry.fields == {"pool": "p", "why": "naïve"}


def test_ids_may_be_text_already() -> None:
    assert decode("7-0", {b"type": b"note"}).at_ms == 7


def test_an_entry_of_somebody_else_is_an_error() -> None:
    with pytest.raises(KeyError):
        decode("7-0", {b"pool": b"p"})
