"""`make bench-gateway`: the gateway under load beside Portkey's and LiteLLM's, all on the same double in one run.

Exit code 0 if every bound holds, 1 if one does not, a peer could not be measured, or an answer was wrong.
"""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop

from benchmarks.bounds import Bound
from benchmarks.gateway import peers
from benchmarks.gateway.answers import request_body
from benchmarks.gateway.measuring import Row, WrongAnswer, compared, put
from benchmarks.gateway.ours import Ours, ours
from benchmarks.gateway.ourselves import alone, large, slope
from benchmarks.gateway.plan import FULL, QUICK, Plan
from benchmarks.gateway.processes import NotStarted
from benchmarks.gateway.report import (
    CPU_OF_EVENT,
    CPU_OF_JSON,
    CPU_OF_LARGE,
    alone_table,
    bound_table,
    bounds_of_ours,
    bounds_over_peers,
    comparison_table,
    said_of_slowness,
    slowness,
)
from benchmarks.gateway.servers import LITELLM, OURS, PORTKEY, Server, bare, double
from benchmarks.litellm_environment import NotMeasured
from benchmarks.machine import load, processor

PACKAGES: Final = ("uvicorn", "uvloop", "httptools", "aiohttp", "msgspec", "hiredis")
PEERS: Final = {"portkey": (PORTKEY, peers.portkey), "litellm": (LITELLM, peers.litellm)}


@dataclass(slots=True)
class Field:
    """All servers of a run, up and idle."""

    ours: Ours
    bare: Server
    compared: list[Server]
    missing: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, judge."""
    options = _options(arguments)
    plan = QUICK if options.quick else FULL
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are ended in good order then, too
    _say("Gateway benchmark", _description())
    try:
        with TemporaryDirectory(prefix="nubabel-bench-") as folder, _servers(Path(folder), options.without) as found:
            bounds = uvloop.run(_measured(found, plan))
    except (WrongAnswer, NotStarted, TimeoutError) as trouble:
        _say("Not measured", f"{type(trouble).__name__}: {trouble}")
        return 1
    print(f"load after: {load()}")
    return _exit_code(bounds, found, plan)


def _exit_code(bounds: Sequence[Bound], found: Field, plan: Plan) -> int:
    judged = [bound for bound in bounds if plan.judges_speed or not bound.timing]
    return 0 if all(bound.holds for bound in judged) and not found.missing else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: proves that it runs, not how fast")
    parser.add_argument(
        "--without", action="append", default=[], choices=sorted(PEERS), help="leave a peer out; repeat"
    )
    return parser.parse_args(arguments)


@contextmanager
def _servers(folder: Path, without: Sequence[str]) -> Iterator[Field]:
    """Everything that is measured, one process each. A peer that cannot be had is said so."""
    with ExitStack() as stack:
        upstream = stack.enter_context(double(folder))
        mine = stack.enter_context(ours(folder, upstream=upstream.port))
        found = Field(mine, stack.enter_context(bare(folder)), [upstream, mine.server])
        for option, (name, start) in PEERS.items():
            if option in without:
                print(f"{name} is left out (--without {option})\n")
                continue
            try:
                found.compared.append(stack.enter_context(start(folder, upstream=upstream.port)))
            except (NotMeasured, NotStarted) as why:
                found.missing.append(name)
                print(f"✗ {name} is NOT measured, so this run fails: {why}\n", flush=True)
        yield found


async def _measured(found: Field, plan: Plan) -> list[Bound]:
    """Everything, printed as it comes. Returns the bounds."""
    us, callers = found.ours.server, plan.judged_callers
    ourselves = await alone(us, plan)
    await found.ours.settled()  # streams that were left say how they ended whenever they do
    whole = await _compared(found, plan, "JSON answers", request_body())
    streams = await _compared(
        found, plan, f"Streams of {plan.stream_events} events", request_body(events=plan.stream_events)
    )
    _say("Us alone", alone_table(ourselves, callers=callers))
    bare = await _bare(found.bare, plan)
    bounds = [
        *bounds_over_peers(whole, kind="JSON", callers=callers),
        *bounds_over_peers(streams, kind="streams", callers=callers),
        *bounds_of_ours(whole, ourselves, callers=callers, slower=slowness(bare[CPU_OF_JSON])),
    ]
    _say("Bounds", f"{said_of_slowness(bare[CPU_OF_JSON])}\n\n{bound_table(bounds, bare)}")
    return bounds


async def _compared(found: Field, plan: Plan, title: str, body: bytes) -> list[Row]:
    """A table; and the worker would hear of as many good answers as ours gave. Raises WrongAnswer."""
    rows = await compared(found.compared, plan, body=body)
    _say(title, comparison_table(rows))
    answered = sum(row.answered for row in rows if row.server == OURS)
    settled = await found.ours.settled(at_least=answered)
    if settled != answered:
        raise WrongAnswer(f"of {answered:,} requests of ours {settled:,} were settled")
    return rows


async def _bare(server: Server, plan: Plan) -> Mapping[str, float]:
    """What the same figures are for the smallest application: the machine's own price. Raises WrongAnswer."""
    sloped = await slope(server, plan)
    whole = await put(server, plan, body=request_body(), callers=plan.judged_callers)
    return {
        CPU_OF_JSON: whole.cpu_us,
        CPU_OF_EVENT: sloped.us_per_event,
        CPU_OF_LARGE: (await large(server, plan)).cpu_us,
    }


def _description() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    cores = len(os.sched_getaffinity(0))
    return "\n".join(
        (
            f"taken    {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"machine  {processor()}, {cores} cores, {platform.system()} {platform.release()}; load before: {load()}",
            f"us       Python {platform.python_version()}, {packages}; SQLite, private Valkey, nothing kept on disk",
            "load     one process, the double another; every answer of ours compared byte for byte",
        )
    )


def _say(title: str, text: str) -> None:
    print(f"## {title}\n\n{text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
