"""`python -m simulator`: the double on its own, for demos, other processes and benchmarks."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from aiohttp import web

from simulator.app import build_app
from simulator.errors import ScriptError
from simulator.faults.registry import described
from simulator.founding import load_specs, open_account
from simulator.journal import Journal
from simulator.latency import REALISTIC
from simulator.world import World

EPILOG = """\
Fake keys only: nothing here reaches Anthropic. Direct it while it runs, for example

  curl -s localhost:9100/_sim/state
  curl -s localhost:9100/_sim/faults -d '{"account": "alpha", "fault": "overloaded", "times": 3}'
  curl -s -X DELETE localhost:9100/_sim/faults

An accounts file is a JSON list: [{"name": "alpha", "organization": "one",
"limits": {"rpm": 50, "itpm": 30000, "otpm": 8000}, "spend_cap_usd": 100, "latency": 0.2}]
"""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A faithful double of Anthropic's API (and Slack's), with scriptable faults.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument("--port", type=int, default=9100, help="port, 0 for any free one (default: %(default)s)")
    made.add_argument("--unix", metavar="PATH", help="listen on this unix socket instead of a port")
    made.add_argument("--accounts", default="demo", metavar="FILE", help="JSON file, or demo: alpha, beta, gamma")
    made.add_argument("--limits", type=limits, metavar="RPM,ITPM,OTPM", help="for demo accounts (default: tier Scale)")
    made.add_argument("--seed", type=int, help="repeat the same ids and dice (default: others at each start)")
    made.add_argument("--latency", choices=("none", "realistic"), default="none", help="how slow answers are")
    made.add_argument("--batch-seconds", type=float, default=60.0, metavar="S", help="how long a batch takes")
    made.add_argument("--admin-lag", type=float, default=0.0, metavar="S", help="how far Admin reports run behind")
    made.add_argument("--journal", metavar="FILE", help="append every answered request to this file, as lines of JSON")
    made.add_argument("--faults", action="store_true", help="list the faults that can be scripted, and exit")
    made.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return made


def limits(text: str) -> dict[str, int]:
    """Read `RPM,ITPM,OTPM`. Raises ValueError, which argparse explains."""
    rpm, itpm, otpm = map(int, text.split(","))
    return {"rpm": rpm, "itpm": itpm, "otpm": otpm}


def found(options: argparse.Namespace) -> World:
    """Make the world the options describe. Raises ScriptError."""
    pace = REALISTIC if options.latency == "realistic" else None
    world = World(seed=options.seed, pace=pace, admin_lag=options.admin_lag)
    world.batch_seconds = options.batch_seconds
    for spec in load_specs(options.accounts):
        open_account(world, {"limits": options.limits, **spec})
    return world


def banner(world: World, where: str) -> str:
    """Say where it listens and which fake keys open it."""
    lines = [f"Anthropic simulator (nothing real behind it) listening on {where}"]
    lines += [f"  {account.name:<12} {account.key}" for account in world.accounts.values()]
    lines.append(f"  control      {where}/_sim/state   faults: POST {where}/_sim/faults   Slack: {where}/slack/")
    return "\n".join(lines) + "\n"


async def serve(options: argparse.Namespace, world: World) -> None:
    """Serve until told to stop (SIGINT or SIGTERM)."""
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    runner = web.AppRunner(build_app(world), access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    try:
        where = await _listen(runner, options)
        if not options.quiet:
            sys.stdout.write(banner(world, where))
            sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, options: argparse.Namespace) -> str:
    if options.unix:
        await web.UnixSite(runner, options.unix).start()
        _keep_private(Path(options.unix))
        return f"unix:{options.unix}"
    await web.TCPSite(runner, options.host, options.port, backlog=1024).start()
    return f"http://{options.host}:{runner.addresses[0][1]}"


def _keep_private(path: Path) -> None:
    path.chmod(0o600)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    options = parser().parse_args(arguments)
    if options.faults:
        sys.stdout.write("".join(f"{name:<22} {text}\n" for name, text in sorted(described().items())))
        return 0
    try:
        world = found(options)
        with ExitStack() as stack:
            if options.journal:
                world.journal = Journal(stack.enter_context(Path(options.journal).open("a", buffering=1)))
            _run(options, world)
    except (ScriptError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


def _run(options: argparse.Namespace, world: World) -> None:
    try:
        import uvloop
    except ImportError:  # it only makes the simulator cheaper; asyncio's own loop does as well
        asyncio.run(serve(options, world))
        return
    uvloop.run(serve(options, world))
