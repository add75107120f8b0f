"""`manage.py fill_for_benchmark`: an empty database becomes as large as a busy one. Nothing of it is real."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from quota.filling import NotEmpty, fill

_EVERY = 50_000


class Command(BaseCommand):
    help = "Fill an empty database with made-up accounts and requests, to measure the pages at full size."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--accounts", type=int, default=1_000)
        parser.add_argument("--activities", type=int, default=1_000_000)

    def handle(self, *_: Any, accounts: int, activities: int, **__: Any) -> None:  # noqa: ANN401 - Django's
        try:
            fill(accounts=accounts, activities=activities, now=timezone.now(), say=self._say)
        except NotEmpty as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{accounts:,} accounts and {activities:,} requests are there.")

    def _say(self, done: int) -> None:
        if done % _EVERY == 0:
            self.stdout.write(f"  {done:,} requests …")
            self.stdout.flush()
