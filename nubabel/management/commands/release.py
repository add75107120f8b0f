"""`manage.py release`: what has to happen once, before a new version serves."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, SystemCheckError
from django.db import DatabaseError

from accounts.models import ClaudeAccount
from quota.bootstrap import initialize
from quota.errors import ChecksFailed


class Command(BaseCommand):
    help = (
        "Check the settings, apply migrations, make the default pool and account from ANTHROPIC_API_KEY, load them. "
        "Safe to repeat and beside running processes of the version before. Exit code 0: this version may serve."
    )
    requires_system_checks = ()  # they come first, each with its remedy

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-init", action="store_true", help="leave pools and accounts as they are")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        self._check()
        self._migrate()
        if not options["no_init"]:
            self._initialize()

    def _check(self) -> None:
        try:
            call_command("check", deploy=settings.PRODUCTION, fail_level="WARNING", stdout=self.stdout)
        except SystemCheckError as found:
            raise CommandError(f"✗ settings: {found}") from None
        self.stdout.write("✓ settings: nothing to complain about")

    def _migrate(self) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as trouble:
            raise CommandError(f"✗ database: {type(trouble).__name__}; look at DATABASE_URL and its server") from None
        self.stdout.write("✓ database: the schema is current")

    def _initialize(self) -> None:
        if not settings.ANTHROPIC_API_KEY:
            count = ClaudeAccount.objects.count()
            said = f"✓ accounts: {count} there" if count else "! accounts: none yet; add one in the admin site"
            self.stdout.write(said)
            return
        try:
            setup = initialize()
        except ChecksFailed as failed:
            lines = (f"✗ {one.check}: {one.why}\n  → {one.mend}" for one in failed.failures)
            raise CommandError("\n".join(lines)) from None
        self.stdout.write("\n".join((*setup.lines(), *(f"! {warning}" for warning in setup.warnings))))
