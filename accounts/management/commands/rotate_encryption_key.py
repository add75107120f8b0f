"""Re-encrypt every stored API key under ENCRYPTION_KEY."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from accounts import wiring
from accounts.rotation import TROUBLE, Report, Result, count, rotate

_MEANINGS = {
    Result.UNDECRYPTABLE: "no encryption key fits; enter its API key again",
    Result.DUPLICATE: "its API key is in the pool twice; delete one of the two",
    Result.BUSY: "changed all the time; run this command again",
}


class Command(BaseCommand):
    help = (
        "Re-encrypt every stored API key under ENCRYPTION_KEY. Safe while the service runs, safe to repeat. "
        "1. Add the new key to ENCRYPTION_KEY_FALLBACKS everywhere and restart. 2. Swap the two: the new one becomes "
        "ENCRYPTION_KEY, the old one the fallback; restart. 3. Run this. 4. Drop the fallback. "
        "Exit code 0: all is current; 1: some rows could not be re-encrypted (named); 2: the keys are not usable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change nothing, say what would be done")
        parser.add_argument("--batch-size", type=_positive, default=200, help="rows read at a time (default 200)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        try:
            wiring.keyring()
        except ImproperlyConfigured as trouble:
            raise CommandError(str(trouble), returncode=2) from trouble
        try:
            report = rotate(
                dry_run=options["dry_run"],
                batch_size=options["batch_size"],
                progress=self._progress(total=count(), silent=options["json"] or options["verbosity"] == 0),
            )
        except (OperationalError, ProgrammingError) as trouble:
            remedy = "Check that it runs and has its tables (run: manage.py migrate), then run this again."
            raise CommandError(f"The database cannot be used ({type(trouble).__name__}). {remedy}") from trouble
        self.stdout.write(json.dumps(_facts(report)) if options["json"] else _in_words(report))
        if not report.complete:
            raise CommandError("Not every key is encrypted under ENCRYPTION_KEY; keep the fallbacks.", returncode=1)

    def _progress(self, *, total: int, silent: bool) -> Any:  # noqa: ANN401 - a function of the report
        def tell(report: Report) -> None:
            if not silent:
                self.stderr.write(f"{report.total} of {total}")

        return tell


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("a number from 1 on")
    return int(text)


def _facts(report: Report) -> dict[str, Any]:
    return {
        "dry_run": report.dry_run,
        "complete": report.complete,
        "total": report.total,
        **{result.value: report.counts[result] for result in Result},
        "rows": {result.value: names for result, names in report.named.items()},
    }


def _in_words(report: Report) -> str:
    done = "would be re-encrypted" if report.dry_run else "re-encrypted"
    lines = [f"{report.counts[Result.ROTATED]} {done}, {report.counts[Result.CURRENT]} current already."]
    for result in TROUBLE:
        lines += [f"✗ {name}: {_MEANINGS[result]}" for name in report.named[result]]
    return "\n".join(lines)
