"""From waiting until a deployment is ready to the browser's last journey, against one that breaks as told."""

from dataclasses import replace

import pytest

from nubabel.smoke.running import Mark, Result
from nubabel.smoke.steps import STEPS
from qa.asking import ask
from qa.browser import read
from qa.config import config_of
from tests.nubabel.deployment import KEY, Deployment, deployed

WALKED = [Result("browser", Mark.GOOD, "the dashboard says how the pools stand")]


def config(deployment, **more):
    named = {"BASE_URL": deployment.url, "SMOKE_TEST_ACCESS_KEY": KEY, "QA_USERNAME": "qa", "QA_PASSWORD": "secret"}
    return replace(config_of(named), wait=0.0, **more)


async def asked(deployment):
    told: list[Result] = []
    results = await ask(config(deployment), tell=told.append, walk=lambda _: WALKED)
    assert told == results
    return results


async def test_it_waits_then_looks_then_walks():
    async with deployed(Deployment()) as deployment:
        results = await asked(deployment)
    assert [one.step for one in results] == ["health", *(name for name, _ in STEPS), "undo", "browser"]
    assert not [one for one in results if one.mark is Mark.BAD]


async def test_what_never_gets_ready_is_looked_at_no_further():
    async with deployed(Deployment(broken={"GET /health/ready": (503, {})})) as deployment:
        (only,) = await asked(deployment)
    assert (only.mark, only.said) == (Mark.BAD, "/health/ready answers 503, still after 0 s")


async def test_where_nobody_listens_it_says_so():
    (only,) = await asked(Deployment(url="http://127.0.0.1:1"))
    assert only.said == "nobody answers, still after 0 s"


REPORT = """<testsuites><testsuite>
<testcase name="test_a_stranger_sees_nothing" time="1.5" />
<testcase name="test_a_request_is_seen_live" time="2"><failure message="Error: no&#10;more"/></testcase>
<testcase name="test_it_is_made" time="0"><error message="">fixture</error></testcase>
</testsuite></testsuites>"""


def test_a_journeys_report_is_read():
    walked, failed, broken = read(REPORT)
    assert (walked.mark, walked.said, walked.seconds) == (Mark.GOOD, "a stranger sees nothing", 1.5)
    assert (failed.mark, failed.said) == (Mark.BAD, "a request is seen live: Error: no")
    assert broken.mark is Mark.BAD


@pytest.mark.parametrize("nothing", ["<testsuites/>", "<testsuites><testsuite/></testsuites>"])
def test_a_report_without_journeys_holds_no_results(nothing):
    assert list(read(nothing)) == []
