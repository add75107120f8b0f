"""The control routes and the command line."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import pytest

from simulator.buckets import Limits
from simulator.cli import banner, found, main, parser
from simulator.errors import ScriptError
from simulator.faults.registry import FAULTS
from simulator.founding import load_specs, open_account
from simulator.latency import REALISTIC, Fixed, Pace
from simulator.testing import RunningSimulator
from simulator.world import World

REQUEST: Any = {"model": "claude-sonnet-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}


class Director:
    """Another process that scripts the simulator."""

    def __init__(self, sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
        self._base = f"{sim.url}/_sim"
        self._http = http

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(method, self._base + path, json=body) as response:
            return response.status, await response.json()


@pytest.fixture
def direct(sim: RunningSimulator, http: aiohttp.ClientSession) -> Director:
    return Director(sim, http)


async def test_the_state_tells_what_was_asked_and_served(direct: Director, alpha: Any) -> None:
    await alpha.messages.create(**REQUEST)
    _, state = await direct("GET", "/state")
    assert state["accounts"]["alpha"]["requests"] == 1
    assert state["accounts"]["alpha"]["statuses"] == {"200": 1}
    assert state["accounts"]["alpha"]["tokens"] > 0
    assert state["accounts"]["beta"]["requests"] == 0


async def test_no_control_answer_shows_a_key(direct: Director, sim: RunningSimulator, alpha: Any) -> None:
    await alpha.messages.create(**REQUEST)
    shown = [await direct("GET", path) for path in ("/state", "/requests", "/faults")]
    assert sim.key("alpha") not in json.dumps(shown)


async def test_a_fault_is_scripted_from_outside(direct: Director, alpha: Any) -> None:
    rule = {"account": "alpha", "fault": "throttle", "times": 1, "retry_after": 9}
    assert (await direct("POST", "/faults", rule))[0] == 200
    with pytest.raises(anthropic.RateLimitError) as caught:
        await alpha.messages.create(**REQUEST)
    assert caught.value.response.headers["retry-after"] == "9"
    _, state = await direct("GET", "/state")
    assert (state["faults"], state["faults_played"]) == ([], {"throttle": 1})


async def test_a_list_of_faults_is_a_sequence(direct: Director, alpha: Any) -> None:
    await direct("POST", "/faults", {"faults": [{"fault": "internal"}, {"fault": "overloaded"}]})
    for expected in (500, 529):
        with pytest.raises(anthropic.APIStatusError) as caught:
            await alpha.messages.create(**REQUEST)
        assert caught.value.status_code == expected


async def test_faults_are_removed_from_outside(direct: Director, alpha: Any) -> None:
    await direct("POST", "/faults", {"fault": "internal", "times": None})
    assert await direct("DELETE", "/faults?account=beta") == (200, {"removed": 0})
    assert await direct("DELETE", "/faults") == (200, {"removed": 1})
    await alpha.messages.create(**REQUEST)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"fault": "meteorite"}, "overloaded"),
        ({"account": "nobody", "fault": "internal"}, "alpha"),
        ({"fault": "ramp", "colour": "red"}, "colour"),
        ({}, "name of a fault"),
    ],
)
async def test_a_script_that_makes_no_sense_is_answered_with_help(
    body: dict[str, Any], hint: str, direct: Director
) -> None:
    status, answer = await direct("POST", "/faults", body)
    assert status == 400
    assert hint in answer["error"]


async def test_an_account_is_opened_from_outside(direct: Director, connect: Any) -> None:
    spec = {"name": "delta", "limits": {"rpm": 1, "itpm": 1000, "otpm": 1000}, "spend_cap_usd": "12.50"}
    status, made = await direct("POST", "/accounts", spec)
    assert status == 200
    client = connect(key=made["key"])
    await client.messages.create(**REQUEST)
    with pytest.raises(anthropic.RateLimitError):
        await client.messages.create(**REQUEST)
    assert (await connect(key=made["admin_key"]).organization.retrieve()).name == "delta"


async def test_a_hang_is_released_from_outside(direct: Director, sim: RunningSimulator, alpha: Any) -> None:
    await direct("POST", "/faults", {"fault": "hang_before_headers"})
    asked = asyncio.create_task(alpha.messages.create(**REQUEST))
    await sim.world.gate.arrived()
    assert await direct("POST", "/release") == (200, {"released": 1})
    await asked


async def test_the_clock_is_moved_from_outside(direct: Director) -> None:
    assert await direct("POST", "/clock", {"seconds": 60}) == (200, {"now": "2026-11-22T12:01:00Z"})


async def test_recent_requests_are_shown_newest_first(direct: Director, alpha: Any) -> None:
    await alpha.messages.create(**REQUEST)
    await alpha.models.list()
    _, shown = await direct("GET", "/requests?account=alpha&limit=2")
    assert [row["path"] for row in shown["data"]] == ["/v1/models", "/v1/messages"]
    assert json.loads(shown["data"][1]["body"]) == REQUEST


async def test_slack_is_directed_from_outside(
    direct: Director, sim: RunningSimulator, http: aiohttp.ClientSession
) -> None:
    await direct("POST", "/slack", {"error": "no_service"})
    for expected in (404, 200):
        async with http.post(f"{sim.url}/slack/services/T/B/X", json={"text": "hello"}) as response:
            assert response.status == expected
    _, shown = await direct("GET", "/slack")
    assert [message["text"] for message in shown["data"]] == ["hello"]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"name": "x", "colour": "red"},
        {"name": "x", "limits": {"rpm": 1}},
        {"name": "x", "limits": {"rpm": 0, "itpm": 1, "otpm": 1}},
        {"name": "x", "limits": 5},
        {"name": "x", "spend_cap_usd": "lots"},
    ],
)
def test_an_account_that_makes_no_sense_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ScriptError):
        open_account(World(), spec)


def test_a_name_is_given_once() -> None:
    world = World()
    open_account(world, {"name": "x"})
    with pytest.raises(ScriptError, match="already"):
        open_account(world, {"name": "x"})


def test_accounts_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_text('[{"name": "one", "organization": "o", "latency": {"first": 0.5}}, {"name": "two"}]')
    options = parser().parse_args(["--accounts", str(file), "--seed", "3", "--latency", "realistic"])
    world = found(options)
    assert list(world.accounts) == ["one", "two"]
    assert world.accounts["one"].pace == Pace(Fixed(0.5), Fixed(0.0))
    assert world.pace is REALISTIC


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"missing\.json"):
        load_specs(str(tmp_path / "missing.json"))


def test_limits_can_be_given_to_all_demo_accounts() -> None:
    world = found(parser().parse_args(["--limits", "100,2000,300"]))
    assert world.organizations["beta"].limits == {"*": Limits(100, 2000, 300)}


def test_every_fault_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(FAULTS)
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


def test_the_banner_names_the_address_and_every_demo_key() -> None:
    world = found(parser().parse_args([]))
    text = banner(world, "http://127.0.0.1:9100")
    assert "http://127.0.0.1:9100" in text
    assert all(account.key in text for account in world.accounts.values())


async def test_the_command_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "simulator", "--port", "0"]
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        url = line.split()[-1]
        async with aiohttp.ClientSession() as session, session.get(f"{url}/_sim/state") as response:
            assert set((await response.json())["accounts"]) == {"alpha", "beta", "gamma"}
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_command_says_what_is_wrong_with_its_accounts() -> None:
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", "--accounts", "/nowhere.json", stderr=asyncio.subprocess.PIPE, cwd=root
    )
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert b"/nowhere.json cannot be read" in errors
