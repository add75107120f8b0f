"""`manage.py init_multi_account [--json]`: check everything, then make and load the default pool and account."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from quota.bootstrap import Setup, initialize
from quota.errors import ChecksFailed


class Command(BaseCommand):
    help = (
        "Check the installation, create the default pool and account from ANTHROPIC_API_KEY, and load their capacity."
    )
    requires_system_checks = ()  # the checks here say more

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - argparse
        try:
            setup = initialize()
        except ChecksFailed as failed:
            self._tell_failures(failed, as_json=options["json"])
            sys.exit(1)
        self._tell(setup, as_json=options["json"])

    def _tell(self, setup: Setup, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"ok": True, **asdict(setup)}))
            return
        for line in setup.lines():
            self.stdout.write(line)
        for warning in setup.warnings:
            self.stderr.write(f"! {warning}")

    def _tell_failures(self, failed: ChecksFailed, *, as_json: bool) -> None:
        if as_json:
            told = [{"check": one.check, "why": one.why, "mend": one.mend} for one in failed.failures]
            self.stdout.write(json.dumps({"ok": False, "failures": told}))
            return
        for one in failed.failures:
            self.stderr.write(f"✗ {one.check}: {one.why}\n  → {one.mend}")
