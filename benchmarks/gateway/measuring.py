"""Putting load on the servers, taking turns, and keeping the middle of several rounds."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from benchmarks.gateway.generator import Load, Taken
from benchmarks.gateway.plan import Plan
from benchmarks.gateway.servers import ROOT, Server

LOAD_SECONDS: Final = 200.0


class WrongAnswer(Exception):
    """A server did not answer as it must, so its figures would mean something else."""


@dataclass(frozen=True, slots=True)
class Row:
    """One server under one load: the middle round by requests per second."""

    server: str
    callers: int
    taken: Taken
    answered: int
    failed: int
    """In all rounds."""


async def compared(servers: Sequence[Server], plan: Plan, *, body: bytes) -> list[Row]:
    """Every server with every number of callers; within a round they take turns. Raises WrongAnswer."""
    rows = []
    for callers, times in plan.rounds.items():
        rounds = [[await put(server, plan, body=body, callers=callers) for server in servers] for _ in range(times)]
        rows += [
            Row(
                server.name,
                callers,
                middle_round(taken),
                sum(one.answered for one in taken),
                sum(one.failed for one in taken),
            )
            for server, *taken in zip(servers, *rounds, strict=True)
        ]
    return rows


def middle_round(taken: Sequence[Taken]) -> Taken:
    """The one with as many faster as slower ones; of an even number the slower one in the middle."""
    return sorted(taken, key=lambda one: one.per_second)[(len(taken) - 1) // 2]


async def put(server: Server, plan: Plan, *, body: bytes, callers: int) -> Taken:
    """Load one server. Raises WrongAnswer; of a peer's failures one is only told."""
    load = Load(server.port, server.pid, dict(server.headers), body.decode(), callers, plan.seconds)
    taken = await _generated(load)
    if server.exact and taken.failed:
        raise WrongAnswer(f"{server.name}: {taken.failed} of {taken.answered} requests failed: {taken.complaint}")
    if server.exact and taken.differing:
        raise WrongAnswer(f"{server.name}: {taken.differing} of {taken.answered} answers were not the upstream's bytes")
    return taken


async def _generated(load: Load) -> Taken:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.gateway.generator"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LOAD_SECONDS):
            out, err = await process.communicate(msgspec.json.encode(load))
    except TimeoutError:
        process.kill()
        raise WrongAnswer(f"the load did not end within {LOAD_SECONDS:.0f} s") from None
    if process.returncode:
        raise WrongAnswer(f"the load generator failed: {err.decode()[-300:]}")
    return msgspec.json.decode(out, type=Taken)
