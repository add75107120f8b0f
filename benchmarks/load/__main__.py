"""`make load`: real processes under locust; exit code 0 if everything that must hold does, 1 if not.

Two web processes, a worker, a database and Redis of their own (those at DATABASE_URL and REDIS_URL if these are set),
and Anthropic's double. Leaves a page with charts in .bench/load. Two or three minutes of it are real minutes: limits
per minute cannot be hurried.
"""

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.gateway.processes import NotStarted
from benchmarks.gateway.servers import ROOT
from benchmarks.load import callers
from benchmarks.load.callers import NotAsked
from benchmarks.load.field import Field, up
from benchmarks.load.judging import books
from benchmarks.load.monitored import watched
from benchmarks.load.plan import FULL_USERS
from benchmarks.load.report import Outcome, Run, as_json, figures, page, text
from benchmarks.load.scenarios import Scenario, all_of
from benchmarks.load.seen import Seen
from benchmarks.load.stores import NoStore
from benchmarks.machine import load, processor

REPORTS: Final = ROOT / ".bench" / "load"
Say = Callable[[str], None]


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for, and judge."""
    options = _options(arguments)
    wanted = [one for one in all_of(options.users) if not options.only or one.name in options.only]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # processes are ended in good order then, too
    say = partial(print, file=sys.stderr if options.json else sys.stdout, flush=True)
    try:
        run = _run(wanted, options, say)
    except (NotStarted, NoStore) as trouble:
        say(f"Nothing was tested: {trouble}")
        return 1
    (options.reports / "index.html").write_text(page(run))
    print(json.dumps(as_json(run)) if options.json else text(run))
    say(f"charts: {options.reports / 'index.html'}")
    return 0 if run.holds else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    names = [one.name for one in all_of(FULL_USERS)]
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=about, epilog=more)
    parser.add_argument("--only", action="append", default=[], choices=names, help="this scenario only; repeat")
    parser.add_argument("--users", type=_size, default=FULL_USERS, help="scales all of it (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--reports", type=Path, default=REPORTS, metavar="FOLDER", help="(default: .bench/load)")
    return parser.parse_args(arguments)


def _size(written: str) -> int:
    if not 20 <= (users := int(written)) <= 5_000:
        raise argparse.ArgumentTypeError("from 20 to 5000")
    return users


def _run(wanted: Sequence[Scenario], options: argparse.Namespace, say: Say) -> Run:
    options.reports.mkdir(parents=True, exist_ok=True)
    before, pools = load(), [one.pool for one in wanted]
    with (
        TemporaryDirectory(prefix="nubabel-load-") as folder,
        up(Path(folder), pools, logs=options.reports) as field,
        watched(field, Path(folder)) as monitored,
    ):
        outcomes = [_played(one, field, options.reports, say) for one in wanted]
        if not options.only:
            say("monitoring: the dashboard's queries and the alert rules …")
            outcomes.append(monitored())
    return Run(_about(field, users=options.users, before=before), outcomes)


def _played(scenario: Scenario, field: Field, folder: Path, say: Say) -> Outcome:
    say(f"{scenario.name}: {scenario.says} …")
    try:
        seen = _seen(scenario, field, folder)
    except (NotAsked, NotStarted) as trouble:
        return Outcome(scenario.name, scenario.says, trouble=str(trouble))
    findings = [*scenario.judge(seen), *books.kept(seen)]
    return Outcome(scenario.name, scenario.says, findings, figures(seen))


def _seen(scenario: Scenario, field: Field, folder: Path) -> Seen:
    key = field.keys[scenario.pool.name]
    warm = callers.warm_up(field.url, key)
    asked = warm + callers.run(
        scenario.callers,
        url=field.url,
        key=key,
        fine=(200, 429) if scenario.refuses else (200,),
        folder=folder,
        name=scenario.name,
        during=lambda: scenario.during(field.double),
    )
    written = field.books(scenario.pool, activities=len(asked))
    return Seen(asked, field.double.received(scenario.pool), written)


def _about(field: Field, *, users: int, before: str) -> dict[str, str]:
    cores = len(os.sched_getaffinity(0))
    return {
        "taken": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, --users {users}",
        "machine": f"{processor()}, {cores} cores, {platform.system()} {platform.release()}",
        "load": f"before: {before}; after: {load()}",
        "pool": f"Python {platform.python_version()}; {field.stores}",
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
