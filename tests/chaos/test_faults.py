"""The expectations are complete, and the judge knows right from wrong."""

import pytest

from simulator.faults.registry import FAULTS, make
from tests.chaos.faults import KINDS
from tests.chaos.judging import Call, Seen, Word, complaint

WHOLE, BROKEN = Seen(Word.WHOLE, stop_seen=True), Seen(Word.BROKEN)


def refused(status):
    return Seen(Word.REFUSED, status)


def met(*faults, status=200):
    return [Call(f"account-{number}", fault, status) for number, fault in enumerate(faults)]


def test_something_is_expected_of_every_fault_there_is():
    assert {kind.name for kind in KINDS} == set(FAULTS) - {"ok"}


def test_every_kind_can_be_played_and_has_a_name_of_its_own():
    assert all(make(kind.name, **kind.parameters) for kind in KINDS)
    assert len({kind.label for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("faults", "seen"),
    [
        ([""], WHOLE),
        (["internal", ""], WHOLE),
        (["throttle", "invalid_key", "billing", "ramp", ""], WHOLE),
        (["internal", "refuse", "hang_before_headers"], refused(504)),
        (["overloaded", "overloaded"], refused(529)),
        (["cut_after, late"], BROKEN),
        (["cut_after, late", ""], WHOLE),
        ([""], Seen(Word.LEFT)),
    ],
)
def test_what_may_be(faults, seen):
    assert not complaint(met(*faults), seen, stream=True)


@pytest.mark.parametrize(
    ("faults", "seen"),
    [
        ([], WHOLE),
        ([""], refused(503)),
        ([""], Seen(Word.SILENT)),
        ([""], Seen(Word.CUT)),
        (["internal"], refused(502)),  # others were well
        (["internal"], WHOLE),
        (["throttle", "internal", "internal"], refused(502)),  # one attempt was left
        (["internal", "refuse", "hang_before_headers"], refused(500)),
        (["internal", "internal", "internal", ""], WHOLE),  # too often
        (["overloaded", "overloaded", ""], WHOLE),
        (["cut_after, late"], WHOLE),
        (["cut_after, late"], Seen(Word.SILENT)),
        (["cut_after, early"], BROKEN),
        (["crlf", ""], WHOLE),
        (["bad_request", ""], WHOLE),
    ],
)
def test_what_must_not_be(faults, seen):
    assert complaint(met(*faults), seen, stream=True)


def test_the_callers_own_mistake_comes_back_as_it_is():
    assert not complaint(met("bad_request", status=400), refused(400), stream=False)
    assert complaint(met("bad_request", status=400), refused(503), stream=False)


def test_no_account_is_asked_twice():
    assert complaint([Call("account-1", "internal"), Call("account-1")], WHOLE, stream=False)
