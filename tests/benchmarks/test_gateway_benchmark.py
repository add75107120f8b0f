"""`make bench-gateway`: what its verdicts rest on; how fast anything is, is not a test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bounds import Bound
from benchmarks.gateway.answers import JSON_ANSWER, events_asked, expected, is_paced, request_body, stream, trickles
from benchmarks.gateway.generator import Load, Taken, Tally, wire_request
from benchmarks.gateway.measuring import Row, middle_round
from benchmarks.gateway.ourselves import Memory, Slope
from benchmarks.gateway.report import bound_table, bounds_over_peers, comparison_table, slowness
from gateway.sse import StreamObserver

ROOT = Path(__file__).resolve().parents[2]


def taken(*, per_second: float = 100.0, cpu_us: float = 10.0) -> Taken:
    cpu = per_second * cpu_us / 1_000_000
    return Taken(1.0, int(per_second), 1.0, 2.0, cpu, answered=int(per_second), failed=0, differing=0)


def row(server: str, per_second: float, *, callers: int = 32) -> Row:
    return Row(server, callers, taken(per_second=per_second), answered=int(per_second), failed=0)


def test_a_request_tells_how_long_a_stream_it_wants():
    body = request_body(events=50, paced=True)
    assert (events_asked(body), is_paced(body), trickles(body)) == (50, True, False)


def test_a_request_re_serialised_on_its_way_still_tells():
    body = json.dumps(json.loads(request_body(events=50)), separators=(",", ":")).encode()
    assert events_asked(body) == 50


def test_a_request_without_a_stream_gets_one_message():
    assert expected(request_body()) == JSON_ANSWER


@pytest.mark.parametrize("size", [700, 100_000])
def test_a_request_is_as_large_as_was_asked(size: int):
    assert size * 0.95 < len(request_body(size=size)) <= size * 1.05


def test_a_stream_has_exactly_so_many_events_and_is_whole():
    observer = StreamObserver()
    observer.feed(b"".join(stream(50)))
    assert (observer.events, observer.stopped, observer.malformed) == (50, True, False)


def test_an_answer_with_one_byte_changed_is_seen():
    tally = Tally(JSON_ANSWER)
    tally.answer(status=200, body=JSON_ANSWER.replace(b"2", b"3", 1), began=0.0)
    assert (tally.answered, tally.failed, tally.differing) == (1, 0, 1)


def test_a_refusal_is_a_failure_and_is_quoted():
    tally = Tally(JSON_ANSWER)
    tally.answer(status=429, body=b"slow down", began=0.0)
    assert tally.failed == 1
    assert "429" in tally.complaint


def test_the_bytes_of_a_request_carry_what_a_caller_must_present():
    load = Load(8000, 1, {"authorization": "Bearer k"}, "{}", 1, 1.0)
    assert wire_request(load).endswith(b"content-length: 2\r\nauthorization: Bearer k\r\n\r\n{}")


def test_the_middle_round_counts():
    rounds = [taken(per_second=rate) for rate in (90.0, 10.0, 50.0)]
    assert middle_round(rounds).per_second == 50.0


def test_of_two_rounds_the_slower_one_counts():
    assert middle_round([taken(per_second=9.0), taken(per_second=5.0)]).per_second == 5.0


def test_what_an_event_costs_is_the_difference_of_long_and_short_streams():
    sloped = Slope(taken(per_second=100, cpu_us=500), taken(per_second=100, cpu_us=4_500), (10, 210))
    assert sloped.us_per_event == pytest.approx(20)


def test_memory_is_counted_above_idle():
    assert Memory(idle=100_000_000, full=160_000_000, streams=1_000).megabytes == 60


def test_being_three_times_as_fast_is_enough():
    (bound,) = bounds_over_peers([row("us", 300), row("Portkey", 100)], kind="JSON", callers=32)
    assert (bound.measured, bound.holds) == (3.0, True)


def test_being_nearly_three_times_as_fast_is_not():
    (bound,) = bounds_over_peers([row("us", 299), row("Portkey", 100)], kind="JSON", callers=32)
    assert not bound.holds


def test_a_peer_that_was_left_out_is_not_judged():
    assert bounds_over_peers([row("us", 300)], kind="JSON", callers=32) == []


def test_a_bound_that_fails_is_marked_with_the_machines_own_price_beside_it():
    printed = bound_table([Bound("CPU", 300, 301, "µs")], {"CPU": 26})
    assert [cell.strip() for cell in printed.splitlines()[2].split("|")[3:7]] == ["301.00", "✗", "", "26.00"]


def test_peers_are_shown_as_shares_of_ours():
    printed = comparison_table([row("us", 400), row("Portkey", 100)])
    assert "0.250" in printed


def test_it_runs_from_end_to_end():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gateway", "--quick", "--without", "portkey", "--without", "litellm"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(word in done.stdout for word in ("left out", "direct", "us", "CPU of a stream's event", "memory"))


@pytest.mark.parametrize(("bare_us", "times"), [(10, 1), (30, 1), (105, 3.5)])
def test_a_slower_machine_is_judged_by_what_the_smallest_application_takes_on_it(bare_us, times):
    assert slowness(bare_us) == times
