"""LiteLLM's router, measured in its own environment and processes, against a mocked answer and a Redis of its own."""

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

from benchmarks.litellm_environment import Environment, NotMeasured
from benchmarks.measure import middle, percentile

DRIVER: Final = Path(__file__).with_name("litellm_driver.py")
USAGE_BASED, SHUFFLE = "usage-based-routing-v2", "simple-shuffle"
DEADLINE_SECONDS: Final = 300.0
ANSWER_SECONDS: Final = 0.5
"""How long the mocked answer takes."""


@dataclass(frozen=True, slots=True)
class Selection:
    strategy: str
    size: int
    p50: float
    p99: float
    """Microseconds."""


@dataclass(frozen=True, slots=True)
class Admission:
    strategy: str
    attempts: int
    admitted: int
    limit: int
    over: int
    """Counted in LiteLLM's own windows, calendar minutes, deployment by deployment."""


def selection(peer: Environment, url: str, *, strategy: str, size: int, calls: int) -> Selection:
    """Choosing a deployment, nothing sent. Raises NotMeasured."""
    asked = {"what": "select", "strategy": strategy, "accounts": size, "url": url, "calls": calls}
    took = _results(peer, [asked])[0]["microseconds"]
    return Selection(strategy, size, middle(took), percentile(took, 99))


def admission(
    peer: Environment, url: str, *, strategy: str, processes: int, attempts: int, accounts: int, rpm: int, pace: float
) -> Admission:
    """`attempts` and `pace` (a second, 0: all at once) are each process's. Raises NotMeasured."""
    asked = {
        "what": "admit",
        "strategy": strategy,
        "accounts": accounts,
        "rpm": rpm,
        "url": url,
        "attempts": attempts,
        "pace": pace,
        "hold": ANSWER_SECONDS,
        "meeting": uuid4().hex,
        "processes": processes,
    }
    admitted = [call for result in _results(peer, [asked] * processes) for call in result["admitted"]]
    per_minute = Counter((account, int(at // 60)) for account, at in admitted)
    over = sum(max(0, number - rpm) for number in per_minute.values())
    return Admission(strategy, processes * attempts, len(admitted), rpm * accounts, over)


def _results(peer: Environment, asked: Sequence[dict[str, object]]) -> list[dict[str, Any]]:
    """One process for each; their answers."""
    running = [
        subprocess.Popen(
            [peer.python, DRIVER, json.dumps(one)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for one in asked
    ]
    try:
        return [_result(one) for one in running]
    finally:
        for one in running:
            one.kill()
            one.wait()


def _result(running: "subprocess.Popen[str]") -> dict[str, Any]:
    try:
        out, err = running.communicate(timeout=DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"its process did not end within {DEADLINE_SECONDS:.0f} s") from None
    for line in out.splitlines():
        if line.startswith("RESULT "):
            return cast("dict[str, Any]", json.loads(line.removeprefix("RESULT ")))
    lines = err.strip().splitlines()
    raise NotMeasured(f"its process failed: {lines[-1] if lines else running.returncode}")
