"""`manage.py serve`: the whole pool in one command."""

import asyncio
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nubabel import valkey
from nubabel.errors import NubabelError
from nubabel.serve import banner, pool_step, run, steps
from nubabel.serve.places import only_one, require_free


class Command(BaseCommand):
    help = "Start everything the pool needs (store, schema, pool, web, worker) and keep it running until Ctrl-C."
    requires_system_checks = ()  # `migrate` runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=1, help="worker processes (default: 1)")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        try:
            with only_one(settings.DATA_DIR):
                self._serve(workers=options["workers"])
        except NubabelError as error:
            raise CommandError(str(error)) from None

    def _serve(self, *, workers: int) -> None:
        require_free(settings.HOST, settings.PORT, variable="PORT")
        if settings.DEMO:
            require_free("127.0.0.1", settings.SIMULATOR_PORT, variable="SIMULATOR_PORT")
        try:
            facts = self._prepare()
            asyncio.run(run.run(workers=workers, when_ready=lambda: self._say_all(facts), say=self._say))
        except KeyboardInterrupt:
            self._say("stopped before it began")
        finally:
            self._stop_store()

    def _prepare(self) -> banner.Facts:
        self._step("store", steps.store())
        self._step("database", steps.database())
        self._step("pool", pool_step.pool())
        admin, password = steps.admin_user()
        key_file = steps.access_key()
        self._step("services", "starting web and worker …")
        return banner.Facts(
            url=run.url(),
            admin=admin,
            password=password,
            key_file=str(key_file),
            demo=settings.DEMO,
            manage=".venv/bin/python manage.py",
        )

    def _stop_store(self) -> None:
        if settings.EMBEDDED_VALKEY:
            with suppress(NubabelError):
                valkey.stop(settings.DATA_DIR)
        self._say("stopped")

    def _say_all(self, facts: banner.Facts) -> None:
        self.stdout.write(banner.text(facts))
        self.stdout.flush()

    def _step(self, name: str, said: str) -> None:
        self.stdout.write(f"  ✓ {name:<10} {said}")
        self.stdout.flush()

    def _say(self, said: str) -> None:
        self.stdout.write(f"  · {said}")
        self.stdout.flush()
