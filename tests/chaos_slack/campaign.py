"""One campaign: a Slack that refuses now and then, workers that die and come back, until everything has been told."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from notifications.models import Letter, SinkState
from simulator.slack import SlackDouble
from simulator.testing import threaded_simulator
from tests.chaos_slack.plan import CHANNEL, FAULTS, Plan, Result

ROOT: Final = Path(__file__).resolve().parents[2]
_LOOK_SECONDS: Final = 0.02
_TITLE: Final = re.compile(r"transition (\d+ \d+)\b")


class Crew:
    """The living workers."""

    def __init__(self, mother: "subprocess.Popen[str]") -> None:
        self._mother = mother
        self.numbers: dict[int, int] = {}
        """By process id."""

    def add(self, number: int) -> None:
        assert self._mother.stdin
        assert self._mother.stdout
        self._mother.stdin.write(f"{number}\n")
        self._mother.stdin.flush()
        self.numbers[int(self._mother.stdout.readline())] = number

    def replace(self, pid: int, how: signal.Signals) -> None:
        """End one, and let another begin its share anew."""
        number = self.numbers.pop(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        self.add(number)


@contextmanager
def crew(url: str, plan: Plan, env: Mapping[str, str]) -> Iterator[Crew]:
    numbers = (plan.seed, plan.workers, plan.transitions, plan.together, plan.interval, plan.held_for)
    command = [sys.executable, "-m", "tests.chaos_slack.workers", url, *map(str, numbers)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, env={**os.environ, **env}) as mother:
        people = Crew(mother)
        try:
            for number in range(plan.workers):
                people.add(number)
            yield people
        finally:
            assert mother.stdin
            mother.stdin.close()  # it takes its children along


def run(plan: Plan, *, database: str) -> Result:
    """Play it on the database at that address, which has the tables and no letters. Uses Django's own connection."""
    result, random = Result(plan), Random(plan.seed)
    with threaded_simulator() as simulator, crew(simulator.url, plan, {"DATABASE_URL": database}) as people:
        double = simulator.world.slack
        began = time.monotonic()
        trouble = Trouble(_kinds(plan, random), random)
        while time.monotonic() - began < plan.patience and not _done(plan):
            trouble.next(double, people, result)
            time.sleep(_LOOK_SECONDS)
        result.seconds = time.monotonic() - began
        result.told = [_names(message.payload) for message in double.messages if message.channel == CHANNEL]
    result.waiting = Letter.objects.filter(state=Letter.WAITING).count()
    result.switched_off = SinkState.objects.exclude(disabled_at=None).count()
    return result


def _kinds(plan: Plan, random: Random) -> list[str]:
    kinds = ["fault"] * plan.faults + ["kill"] * plan.kills + ["restart"] * plan.restarts
    random.shuffle(kinds)
    return kinds


def _done(plan: Plan) -> bool:
    waiting = Letter.objects.filter(state=Letter.WAITING)
    return Letter.objects.count() >= plan.transitions and not waiting.exists()


@dataclass
class Trouble:
    """What is still to happen, one thing after each message or two that arrived: Slack is not down, it stumbles."""

    kinds: list[str]
    random: Random
    arrived: int = 0

    def next(self, double: SlackDouble, people: Crew, result: Result) -> None:
        """Cause the next trouble, if it is time for it and there is somebody to trouble."""
        if self.kinds and len(double.messages) > self.arrived and self._caused(double, people, result):
            self.arrived = len(double.messages) + self.random.randrange(2)
            self.kinds.pop()

    def _caused(self, double: SlackDouble, people: Crew, result: Result) -> bool:
        match self.kinds[-1]:
            case "fault":
                name = self.random.choice(FAULTS)
                double.fault(name, times=1, retry_after=1)
                result.faults[name] += 1
            case "kill":
                victim = _delivering(people)
                if victim is None:
                    return False
                people.replace(victim, signal.SIGKILL)
                result.killed += 1
            case _:
                people.replace(self.random.choice(list(people.numbers)), signal.SIGTERM)
                result.restarted += 1
        return True


def _delivering(people: Crew) -> int | None:
    """Who holds the destination at this moment."""
    holders = SinkState.objects.exclude(holder="").values_list("holder", flat=True)
    pids = [int(holder.removeprefix("worker-")) for holder in holders if holder.startswith("worker-")]
    return next((pid for pid in pids if pid in people.numbers), None)


def _names(payload: Mapping[str, object]) -> list[str]:
    """The transitions one message tells of, alone or in a digest."""
    blocks = payload["blocks"]
    assert isinstance(blocks, list)
    return [name for block in blocks for name in _TITLE.findall(block.get("text", {}).get("text", ""))]
