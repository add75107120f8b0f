"""What a request tells of a session that moved."""

from gateway.narration import move
from quota.records import AttemptRecord


def call(number, account, *, moved_from="", extra=0):
    return AttemptRecord(
        "a",
        number,
        account,
        "claude-sonnet-5-5",
        "sonnet-5-5",
        "success",
        moved_from=moved_from,
        cache_extra_nano=extra,
    )


def test_a_request_that_stayed_tells_of_no_move_whatever_it_wrote_into_the_cache():
    assert move([call(1, "alpha", extra=500)]) == ("", 0)


def test_a_move_tells_from_where_and_what_the_cache_cost():
    assert move([call(1, "beta", moved_from="alpha", extra=500)]) == ("alpha", 500)


def test_a_session_that_left_a_failing_account_moved_from_there():
    assert move([call(1, "alpha"), call(2, "beta", moved_from="alpha", extra=500)]) == ("alpha", 500)


def test_over_several_moves_the_first_place_counts():
    calls = [call(1, "beta", moved_from="alpha", extra=1), call(2, "gamma", moved_from="beta", extra=500)]
    assert move(calls) == ("alpha", 500)


def test_a_session_that_came_back_did_not_move():
    assert move([call(1, "beta", moved_from="alpha"), call(2, "alpha", moved_from="beta", extra=500)]) == ("", 0)


def test_a_request_without_a_call_tells_of_no_move():
    assert move([]) == ("", 0)
