"""The smoke test: what it calls good, what it calls wrong and why, and that it leaves nothing behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nubabel.smoke.running import Mark, Result, look_at
from nubabel.smoke.steps import STEPS
from tests.nubabel.deployment import KEY, Deployment, deployed

ROOT = Path(__file__).resolve().parents[2]
MISSING = (404, {"error": {"message": "Not found."}})


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with deployed(Deployment()) as running:
        yield running


async def looked_at(deployment: Deployment, *, key: str = KEY) -> dict[str, Result]:
    results: list[Result] = []
    await look_at(deployment.url, key=key, model="claude-haiku-4-5", patience=0.0, tell=results.append)
    return {result.step: result for result in results}


def wrong(results: dict[str, Result]) -> set[str]:
    return {name for name, result in results.items() if result.mark is Mark.BAD}


async def test_a_deployment_that_is_whole_is_good_in_every_step(deployment: Deployment) -> None:
    results = await looked_at(deployment)
    assert [*results] == [*(name for name, _ in STEPS), "undo"]
    assert not wrong(results)
    assert results["selected"].said == "alpha"


async def test_the_account_it_makes_is_switched_off_and_gone_afterwards(deployment: Deployment) -> None:
    await looked_at(deployment)
    assert [made["enabled"] for made in deployment.made] == [False]
    assert [*deployment.accounts.values()] == ["alpha"]


@pytest.mark.parametrize(
    ("broken", "answer", "wanted"),
    [
        ("GET /health/ready", (503, {"checks": {"database": "ok", "redis": "error"}}), ("ready", "not ready: redis")),
        ("GET /api/admin/accounts/", MISSING, ("accounts", "has no /api/admin/accounts/ (404)")),
        ("GET /api/admin/accounts/", (403, {"error": {"message": "no"}}), ("accounts", "scope admin-read")),
        ("POST /api/admin/accounts/", (403, {"error": {"message": "no"}}), ("registering", "scope admin-write")),
        ("POST /v1/messages", (429, {"error": {"message": "later"}}), ("message", "429: later")),
        ("POST /api/orchestrator/execute", (502, "bad gateway"), ("orchestrator", "502: bad gateway")),
        ("GET /api/activity/stream", MISSING, ("live", "has no /api/activity/stream")),
        ("GET /ws/live/", (403, "no"), ("websocket", "403: this address is not among ALLOWED_HOSTS")),
        ("GET /metrics", (401, "who?"), ("metrics", "scope admin-read")),
    ],
)
async def test_what_is_wrong_is_named(
    deployment: Deployment, broken: str, answer: Any, wanted: tuple[str, str]
) -> None:
    step, said = wanted
    deployment.broken[broken] = answer
    results = await looked_at(deployment)
    assert step in wrong(results)
    assert said in results[step].said


async def test_an_activity_on_another_account_is_wrong(deployment: Deployment) -> None:
    other = {"id": "22222222", "status": "completed", "account": "another", "cost": {"usd": "0"}}
    deployment.broken["GET /api/admin/activities/22222222-2222-2222-2222-222222222222/"] = (200, other)
    assert wrong(await looked_at(deployment)) == {"recorded"}


async def test_an_order_on_another_account_is_wrong(deployment: Deployment) -> None:
    order = {"id": "33333333", "status": "completed", "account_name": "another", "cost": {"usd": "0"}, "told": []}
    deployment.broken["GET /api/admin/activities/33333333-3333-3333-3333-333333333333/"] = (200, order)
    assert wrong(await looked_at(deployment)) == {"recorded"}


async def test_a_websocket_that_tells_nothing_is_wrong(deployment: Deployment) -> None:
    deployment.pushes = False
    results = await looked_at(deployment)
    assert wrong(results) == {"websocket"}
    assert "no event of it came over /ws/live/" in results["websocket"].said


async def test_a_socket_that_closes_says_with_which_code(deployment: Deployment) -> None:
    results = await looked_at(deployment, key="nb_live_somebody-elses")
    assert results["websocket"].said == "/ws/live/ closed with 4403"


def told(state: str, why: str = "", *, destination: str = "Slack, bot to #it-test") -> list[dict[str, Any]]:
    return [{"destination": destination, "state": state, "at": None, "why": why}]


@pytest.mark.parametrize(
    ("record", "mark", "said"),
    [
        ([], Mark.NOT_ASKED, "not configured"),
        (told("sent", destination="webhook"), Mark.NOT_ASKED, "not configured"),
        (told("sent"), Mark.GOOD, "taken by Slack, bot to #it-test"),
        (told("failed", "msg_too_long"), Mark.BAD, "msg_too_long"),
        (told("waiting", "channel_not_found"), Mark.BAD, "waiting for Slack, bot to #it-test (channel_not_found)"),
        (told("none"), Mark.BAD, "no message was written for Slack"),
    ],
)
async def test_what_slack_took_is_read_from_the_orders_record(
    deployment: Deployment, record: list[dict[str, Any]], mark: Mark, said: str
) -> None:
    deployment.told = record
    slack = (await looked_at(deployment))["slack"]
    assert slack.mark is mark
    assert said in slack.said


async def test_an_answer_of_another_form_is_wrong_and_no_traceback(deployment: Deployment) -> None:
    deployment.broken["POST /api/orchestrator/execute"] = (200, {"hello": "world"})
    assert "has not the form" in (await looked_at(deployment))["orchestrator"].said


async def test_a_later_step_says_which_one_it_needed(deployment: Deployment) -> None:
    deployment.broken["GET /api/admin/accounts/"] = MISSING
    assert "'accounts'" in (await looked_at(deployment))["registering"].said


async def test_where_nobody_listens_every_step_says_so() -> None:
    results = await looked_at(Deployment(url="http://127.0.0.1:1"))
    assert "cannot be reached" in results["alive"].said
    assert len(wrong(results)) == len(STEPS)


async def test_the_key_is_in_nothing_it_says(deployment: Deployment) -> None:
    deployment.broken = {"POST /v1/messages": (500, "x"), "GET /metrics": (500, "y")}
    assert KEY not in repr([*(await looked_at(deployment)).values()])


# -- the command, as a process of its own


async def command(deployment: Deployment, *more: str) -> "asyncio.subprocess.Process":
    argv = [sys.executable, "manage.py", "smoke_test", "--base-url", deployment.url, *more]
    env = os.environ | {"SMOKE_TEST_ACCESS_KEY": KEY, "DJANGO_SETTINGS_MODULE": "nubabel.settings"}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*argv, cwd=ROOT, env=env, stdout=pipe, stderr=pipe)


async def test_the_command_ends_with_zero_and_a_line_for_each_step(deployment: Deployment) -> None:
    process = await command(deployment)
    out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, error.decode()
    marks = [line.split()[0] for line in out.decode().splitlines()]
    assert marks == ["✓"] * len(STEPS[:-1]) + ["–", "✓"]


async def test_for_programs_it_is_one_object_and_ends_with_one_when_something_is_wrong(deployment: Deployment) -> None:
    deployment.broken["GET /health/ready"] = (503, {})
    process = await command(deployment, "--json", "--patience", "0")
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    told = json.loads(out)
    assert process.returncode == 1
    assert told["ok"] is False
    assert {one["step"] for one in told["steps"] if one["result"] == "bad"} == {"ready"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_it_deletes_what_it_made(deployment: Deployment, number: signal.Signals) -> None:
    deployment.hangs = "/api/admin/accounts/"
    process = await command(deployment)
    await asyncio.wait_for(deployment.reached.wait(), 60)
    assert len(deployment.accounts) == 2
    process.send_signal(number)
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert [*deployment.accounts.values()] == ["alpha"]
