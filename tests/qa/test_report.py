"""Results in words, for a terminal and for Slack."""

from nubabel.smoke.running import Mark, Result
from qa.report import Report, slack_message

URL = "https://pool.example.com"
GOOD = Result("alive", Mark.GOOD, "now", 1.0)
BAD = Result("ready", Mark.BAD, "not ready: redis <down>", 2.0)
NOT_ASKED = Result("slack", Mark.NOT_ASKED, "not configured")


def said(report):
    return str(slack_message(report).blocks)


def test_a_step_that_does_not_apply_is_nothing_wrong():
    assert Report(URL, [GOOD, NOT_ASKED], []).good


def test_one_wrong_step_is_enough():
    assert not Report(URL, [GOOD, BAD], []).good


def test_a_run_that_looked_at_nothing_is_not_good():
    assert not Report(URL, [], []).good


def test_the_last_line_counts():
    assert Report(URL, [GOOD, BAD, NOT_ASKED], []).summary().endswith("NOT whole: 1 passed, 1 failed, 1 skipped")


def test_slack_hears_what_is_wrong_and_which_pictures_there_are():
    text = said(Report(URL, [GOOD, BAD], ["qa-dashboard.png", "qa-live.png"], run_url="https://ci.example.com/7"))
    assert "QA failed" in text
    assert "✗ ready" in text
    assert "qa-dashboard.png, qa-live.png" in text
    assert "https://ci.example.com/7" in text


def test_what_a_deployment_says_is_text_in_slack():
    assert "redis &lt;down&gt;" in said(Report(URL, [BAD], []))


def test_of_very_many_wrong_steps_the_first_are_listed_and_the_others_counted():
    assert "… and 5 more" in said(Report(URL, [BAD] * 15, []))
