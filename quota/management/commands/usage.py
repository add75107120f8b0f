"""`manage.py usage [--period 24h|7d|30d] [--pool NAME] [--csv | --json]`: what was used and what it cost."""

import csv
from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from quota.management import choosing, pages
from quota.management.tables import dumps, harmless
from quota.usage import Period, Spent
from quota.usage_report import Line, Report, report


class Command(BaseCommand):
    help = "Say what each account and model used, from the ledger's rollups; amounts are exact, in US dollars."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        periods = [period.value for period in Period]
        parser.add_argument("--period", choices=periods, default=Period.DAY.value, help="how far back (default 24h)")
        parser.add_argument("--pool", help="only this pool")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true", help="print comma-separated values")
        form.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        pool = choosing.the_pool(options["pool"]) if options["pool"] else None
        found = report(period=Period(options["period"]), now=timezone.now(), pool=pool)
        if options["csv"]:
            self._write_csv(found)
        elif options["json"]:
            self.stdout.write(dumps(_facts(found)))
        else:
            self.stdout.write("\n".join(pages.of_usage(found)))

    def _write_csv(self, found: Report) -> None:
        columns = [field.name for field in fields(Spent)]
        writer = csv.writer(self.stdout, lineterminator="\n")
        writer.writerow(["pool", "account", "model", *columns])
        for line in found.lines:
            spent = asdict(line.spent)
            named = [harmless(text) for text in (line.pool, line.account, line.model)]
            writer.writerow([*named, *(_plain(spent[column]) for column in columns)])


def _facts(found: Report) -> dict[str, Any]:
    return {
        "period": found.period.value,
        "from": found.starts_at,
        "to": found.ends_at,
        "total": found.total,
        "lines": [_line(line) for line in found.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"pool": line.pool, "account": line.account, "model": line.model, **asdict(line.spent)}


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value if isinstance(value, int) else f"{value:f}"
