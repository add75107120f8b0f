"""The same questions put to LiteLLM's router and to this engine, in the same run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.latency import Sequential
from benchmarks.limited import requests_a_minute
from benchmarks.litellm_environment import Environment, NotMeasured, environment
from benchmarks.litellm_peer import SHUFFLE, USAGE_BASED, Admission, admission, selection
from benchmarks.overadmission import Load, Outcome, overadmission
from benchmarks.plan import Plan
from benchmarks.report import admission_table, selection_table
from benchmarks.rig import private_server

PROCESSES, ACCOUNTS, RPM = 4, 5, 60
BURST, PACED = "all at once", "paced"
PACE = 3.0
"""Attempts per second of each process: together somewhat more than the limits allow."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    text: str


async def beside(ours: Sequence[Sequential], plan: Plan, *, seed: int) -> list[Section]:
    """`ours`: this run's sequential rows, least loaded, placed like the peer (by the scheduler).

    A peer that cannot be measured leaves a line that says why, never a figure.
    """
    try:
        peer = environment()
        return [
            Section(f"Choosing an account, beside LiteLLM {peer.version}", _selections(peer, ours, plan)),
            Section(f"Holding a limit, beside LiteLLM {peer.version}", await _admissions(peer, plan, seed=seed)),
        ]
    except NotMeasured as why:
        return [Section("Beside LiteLLM", f"not measured: {why}")]


def _selections(peer: Environment, ours: Sequence[Sequential], plan: Plan) -> str:
    with private_server() as server:
        theirs = [
            selection(peer, server.url, strategy=strategy, size=size, calls=plan.peer_calls)
            for strategy in (USAGE_BASED, SHUFFLE)
            for size in plan.peer_sizes
        ]
    return selection_table(ours, theirs, peer="LiteLLM")


async def _admissions(peer: Environment, plan: Plan, *, seed: int) -> str:
    """Both get a server of their own, the same accounts and the same attempts."""
    rows: list[tuple[str, str, Admission | Outcome]] = []
    for how, attempts, pace in _ways(plan):
        load = Load(PROCESSES, attempts, ACCOUNTS, callers=attempts, pace=pace)
        with private_server() as server:
            rows.append(("this engine", how, await overadmission(server.url, requests_a_minute(RPM), load, seed=seed)))
        for strategy in (USAGE_BASED, SHUFFLE):
            with private_server() as server:
                found = _theirs(peer, server.url, strategy, attempts=attempts, pace=pace)
            rows.append((f"LiteLLM, {strategy}", how, found))
    return admission_table(rows)


def _theirs(peer: Environment, url: str, strategy: str, *, attempts: int, pace: float) -> Admission:
    asked = {"processes": PROCESSES, "attempts": attempts, "accounts": ACCOUNTS, "rpm": RPM}
    return admission(peer, url, strategy=strategy, pace=pace, **asked)


def _ways(plan: Plan) -> Iterator[tuple[str, int, float]]:
    yield BURST, plan.peer_attempts, 0.0
    yield PACED, int(PACE * plan.peer_paced_seconds), PACE
