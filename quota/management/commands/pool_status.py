"""`manage.py pool_status [--pool NAME] [--watch [SECONDS]] [--json]`: how the pools stand."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from quota.management import choosing, pages
from quota.management.tables import dumps
from quota.overview import look_patiently, overview

_CLEAR = "\x1b[H\x1b[J"


class Command(BaseCommand):
    help = (
        "Say how the pools stand: which accounts serve, what keeps the others, how full they are. "
        "Exit code 0: every pool can serve somebody; 1: one cannot, or Redis does not answer."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--pool", help="only this pool")
        parser.add_argument(
            *("--watch",), nargs="?", type=float, const=2.0, metavar="SECONDS", help="look again so often, until Ctrl-C"
        )
        parser.add_argument("--times", type=int, default=0, help="with --watch: stop after so many looks (0: never)")
        parser.add_argument("--json", action="store_true", help="print one JSON object, on one line for each look")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        looks = 0
        while True:
            healthy = self._look(**options)
            looks += 1
            if options["watch"] is None or looks == options["times"]:
                break
            time.sleep(options["watch"])
        if not healthy:
            raise CommandError("Not every pool can serve.")

    def _look(self, *, pool: str | None, json: bool, watch: float | None, **_: object) -> bool:
        pools = choosing.pools(pool)
        seen = overview(pools, look_patiently(pools))
        if json:
            self.stdout.write(dumps({"pools": [pages.pool_facts(one) for one in seen]}))
        else:
            clear = _CLEAR if watch is not None and self.stdout.isatty() else ""
            self.stdout.write(clear + "\n".join(pages.of_pools(seen)))
        self.stdout.flush()
        return all(one.serving and not one.trouble for one in seen)
