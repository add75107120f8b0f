"""`python -m tests.chaos [--seed N] [--requests 2000] [--memory] [--break NAME]`; exit code 1 on any violation."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from tests.chaos.broken import Break
    from tests.chaos.plan import Campaign, Plan

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()  # the gateway's modules name Django's models, so what imports them is imported afterwards


def main(arguments: Sequence[str]) -> int:
    """Run one campaign and print its report."""
    from tests.chaos.broken import BREAKS, NOTHING
    from tests.chaos.plan import Plan
    from tests.chaos.report import text, violations

    options = _options(arguments, breaks=list(BREAKS))
    plan, broken = Plan(seed=options.seed, requests=options.requests), BREAKS.get(options.broken, NOTHING)
    print(f"seed {plan.seed}; {broken.says}", flush=True)
    campaign = asyncio.run(_run(plan, broken, memory=options.memory))
    print(text(campaign))
    return 1 if violations(campaign) else 0


async def _run(plan: "Plan", broken: "Break", *, memory: bool) -> "Campaign":
    from tests.chaos.campaign import run
    from tests.chaos.engines import in_memory, on_embedded

    async with in_memory() if memory else on_embedded() as (engine, heard):
        return await run(plan, engine, heard, broken=broken, progress=_progress)


def _progress(campaign: "Campaign") -> None:
    if len(campaign.answers) % 500 == 0:
        print(f"  {len(campaign.answers)} answered, {len(campaign.wrong)} wrong", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str], *, breaks: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of faults, accounts and requests")
    parser.add_argument("--requests", type=int, default=2_000)
    engines = parser.add_mutually_exclusive_group()
    engines.add_argument("--memory", action="store_true", help="the engine's twin instead of the real one")
    engines.add_argument("--redis", action="store_true", help="the real engine on an embedded Valkey (default)")
    parser.add_argument("--break", dest="broken", choices=breaks, default="", help="run against a broken build")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
