"""`make load`: what a run says, and that it says so when it could not look."""

import json
from html.parser import HTMLParser

import pytest

from benchmarks.finding import Finding, none_of
from benchmarks.load.__main__ import main
from benchmarks.load.plan import FULL_USERS, QUOTAS
from benchmarks.load.report import Outcome, Run, as_json, figures, page, text
from benchmarks.load.scenarios import all_of
from benchmarks.load.seen import Asked, Books, Received, Seen

GOOD, BAD = Finding("no lease is left", holds=True, seen="0"), Finding("no lease is left", holds=False, seen="3")


def run(*findings: Finding, trouble: str = "") -> Run:
    return Run({"taken": "today"}, [Outcome("spread", "many at once", findings, {"requests": 10.0}, trouble)])


def test_one_expectation_that_does_not_hold_fails_the_run():
    assert run(GOOD, GOOD).holds
    assert not run(GOOD, BAD).holds


@pytest.mark.parametrize("nothing", [Run({}, []), run(), run(GOOD, trouble="locust is not installed")])
def test_a_run_that_looked_at_nothing_has_not_passed(nothing: Run):
    assert not nothing.holds


def test_the_table_marks_each_expectation_and_counts_them():
    printed = text(run(GOOD, BAD))
    assert "✓ spread: no lease is left  0" in printed
    assert "✗ spread: no lease is left  3" in printed
    assert printed.endswith("1 of 2 expectations hold")


def test_what_kept_a_scenario_from_running_is_said():
    assert "✗ spread: it runs  locust is not installed" in text(run(trouble="locust is not installed"))


def test_json_says_the_same():
    told = json.loads(json.dumps(as_json(run(GOOD, BAD))))
    assert (told["holds"], told["scenarios"][0]["findings"][1]["holds"]) == (False, False)


def test_the_page_links_to_the_charts_and_shows_nothing_unescaped():
    links: list[str | None] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            links.extend(value for name, value in attrs if tag == "a" and name == "href")

    shown = page(run(Finding("said", holds=False, seen="<script>")))
    Links().feed(shown)
    assert links == ["spread.html"]
    assert "<script>" not in shown


def test_waits_are_those_of_callers_who_were_served():
    told = [Asked(1, 0.0, 1.0, 200), Asked(2, 0.0, 9.0, 429)]
    found = figures(Seen(told, [], Books({}, [], {}, 0, {})))
    assert (found["p50_ms"], found["served"], found["refused"]) == (1_000, 1, 1)


def test_nothing_to_judge_by_is_no_success():
    assert not none_of("refusals are right", [], of=0, noun="refusal").holds


def test_a_call_tells_which_request_it_served():
    assert Received(0, 1, "a", 200, "r", body='{"content": "Request 17: say something."}').number == 17


def test_every_account_belongs_to_one_scenario():
    """The double knows them by name alone."""
    names = [account.name for one in all_of(FULL_USERS) for account in one.pool.accounts]
    assert len(names) == len(set(names))


def test_the_full_size_is_what_was_promised():
    callers = {one.name: one.callers for one in all_of(FULL_USERS)}
    assert (callers["spread"].users, callers["failover"].total) == (1_000, 500)
    assert set(QUOTAS) < set(callers)


def test_an_overload_asks_half_as_much_again_as_there_is():
    overload = next(one for one in all_of(FULL_USERS) if one.name == "overload")
    assert overload.callers.per_second * 60 == 1.5 * sum(overload.pool.limit("limit_requests_minute").values())


@pytest.mark.parametrize("wrong", [("--only", "everything"), ("--users", "7"), ("--users", "many")])
def test_a_wrong_option_ends_with_code_2(wrong: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
