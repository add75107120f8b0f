import pytest

from nubabel.web.departure import Departure, Stage

UNREADY = 5.0


def told(departure: Departure, *, at: float, unready: float = UNREADY) -> Stage:
    return departure.signalled(now=at, unready=unready)


def test_a_process_that_nobody_told_anything_serves() -> None:
    assert Departure().passed(now=1e9) is Stage.SERVING


def test_the_first_signal_makes_it_unready_and_it_still_serves() -> None:
    departure = Departure()
    assert told(departure, at=100) is Stage.LEAVING
    assert departure.passed(now=104.9) is Stage.LEAVING


def test_after_the_unready_seconds_it_takes_nothing_new() -> None:
    departure = Departure()
    told(departure, at=100)
    assert departure.passed(now=105) is Stage.CLOSED
    assert departure.passed(now=1e9) is Stage.CLOSED


def test_without_unready_seconds_it_closes_at_once() -> None:
    assert told(Departure(), at=100, unready=0) is Stage.CLOSED


def test_each_further_signal_ends_the_stage_that_is_on() -> None:
    departure = Departure()
    assert [told(departure, at=at) for at in (100, 102, 104, 106)] == [
        Stage.LEAVING,
        Stage.CLOSED,
        Stage.CUT,
        Stage.CUT,
    ]


def test_a_signal_after_the_unready_seconds_cuts_off() -> None:
    departure = Departure()
    told(departure, at=100)
    departure.passed(now=105)
    assert told(departure, at=106) is Stage.CUT


@pytest.mark.parametrize("unready", [0, UNREADY])
def test_a_signal_that_comes_by_two_ways_is_one(unready: float) -> None:
    departure = Departure()
    first = told(departure, at=100, unready=unready)
    assert told(departure, at=100.9, unready=unready) is first
