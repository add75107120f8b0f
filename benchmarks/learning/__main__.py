"""`make bench-learning`: how often Anthropic throttles five accounts whose limits nobody told us.

The gateway's own loop, the engine's scripts on a Valkey of its own, and the simulator, which enforces the limits. Time
is virtual, so ten minutes take seconds. Exit code 0 if every bound holds, 1 if one does not.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()  # the gateway's modules name Django's models, so what imports them is imported afterwards

from benchmarks.learning.blocking import BlockingConnection  # noqa: E402
from benchmarks.learning.load import MakeEngine, Outcome, Plan, measure  # noqa: E402
from benchmarks.learning.scene import SCENES  # noqa: E402
from benchmarks.rig import private_server  # noqa: E402
from benchmarks.table import count, table  # noqa: E402
from quota.engine.memory import MemoryEngine  # noqa: E402
from quota.engine.redis import RedisEngine  # noqa: E402

BOUND = 0.01
"""Of the calls once it was learned, so many may be throttled."""
HEADS = ("what is short", "heeds", "first min", "of them 429", "then", "of them 429", "share", "use", "refused by us")


def main(arguments: Sequence[str]) -> int:
    """Play every scene twice and print the table."""
    options = _options(arguments)
    plan = replace(Plan(), seed=options.seed, measured=options.minutes * 60)
    print(f"demand {plan.demand:g} x capacity, {plan.measured / 60:g} minutes after {plan.learning / 60:g}", flush=True)
    if options.memory:
        outcomes = _outcomes(plan, lambda clock: MemoryEngine(clock=clock))
    else:
        with private_server() as server:
            connection = BlockingConnection(server.url)
            outcomes = _outcomes(plan, lambda clock: _fresh(connection, clock))
    print(table(HEADS, [_row(one) for one in outcomes]))
    return 0 if all(one.share < BOUND for one in outcomes if one.learning) else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="of virtual time that are measured")
    parser.add_argument("--seed", type=int, default=Plan().seed)
    parser.add_argument("--memory", action="store_true", help="the engine's twin instead of the scripts")
    return parser.parse_args(arguments)


def _fresh(connection: BlockingConnection, clock: Callable[[], int]) -> RedisEngine:
    connection.forget_everything()
    return RedisEngine(connection, clock=clock)


def _outcomes(plan: Plan, make_engine: MakeEngine) -> list[Outcome]:
    return [
        measure(scene, plan, learning=learning, make_engine=make_engine)
        for scene in SCENES
        for learning in (False, True)
    ]


def _row(one: Outcome) -> list[str]:
    return [
        one.scene.name,
        "yes" if one.learning else "no",
        count(one.first_calls),
        count(one.first_throttled),
        count(one.calls),
        count(one.throttled),
        f"{one.share * 100:.2f} %",
        f"{one.use * 100:.0f} %",
        count(one.refused),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
