import pytest

from notifications.errors import LiveRefused
from notifications.live.selection import Selection, checked_id, selection_of
from tests.notifications.live_makers import frame


def test_nothing_asked_for_is_everything() -> None:
    it = selection_of(b"")
    assert (it, it.numbers, it.wants(frame(1))) == (Selection(), True, True)


@pytest.mark.parametrize("query", [b"type=hold,snapshot", b"type=hold&type=snapshot"])
def test_types_are_named_once_or_often(query: bytes) -> None:
    it = selection_of(query)
    assert (it.wants(frame(1)), it.wants(frame(1, kind="outage")), it.numbers) == (True, False, True)


def test_an_account_and_a_session_must_both_fit() -> None:
    it = selection_of(b"account=a&session=s")
    assert it.wants(frame(1, account="a", session="s"))
    assert not it.wants(frame(1, account="a", session="t"))
    assert not it.wants(frame(1, account="b", session="s"))


def test_who_follows_one_session_gets_no_numbers() -> None:
    assert not selection_of(b"session=s").numbers


@pytest.mark.parametrize(
    ("query", "about"),
    [
        (b"type=agent_stopped", "agent_started"),
        (b"colour=red", "colour"),
        (b"recent=many", "recent"),
        (b"recent=501", "500"),
        (b"recent=-1", "recent"),
        (b"account=a&account=b", "account"),
        (b"session=" + b"x" * 201, "session"),
        (b"last_event_id=yesterday", "id"),
        (b"type=%ff", "read"),
        (b"\xff", "read"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(query: bytes, about: str) -> None:
    with pytest.raises(LiveRefused) as refused:
        selection_of(query)
    assert (refused.value.status, about in str(refused.value)) == (400, True)


@pytest.mark.parametrize("text", ["", "1795348800000-3", "1795348800000"])
def test_ids_are_those_of_the_stream(text: str) -> None:
    assert checked_id(text) == text
