"""`manage.py serve`: the whole pool in one command."""

import asyncio
import shlex
import signal
import sys
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from accounts.models import Pool
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
        """Raises NubabelError, which `manage.py` shows as it is."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the supervisor takes over: clean up too
        with only_one(settings.DATA_DIR):
            self._serve(workers=options["workers"])

    def _serve(self, *, workers: int) -> None:
        require_free(settings.HOST, settings.PORT, variable="PORT")
        if settings.DEMO:
            require_free("127.0.0.1", settings.SIMULATOR_PORT, variable="SIMULATOR_PORT")
        try:
            pool = self._prepare()
            asyncio.run(run.run(workers=workers, when_ready=lambda: self._welcome(pool), say=self._say))
        except KeyboardInterrupt:
            self._say("interrupted before it began")
        finally:
            self._stop_store()

    def _prepare(self) -> Pool:
        self._step("store", steps.store())
        self._working("database", "applying migrations …")
        self._step("database", steps.database())
        pool, said = pool_step.pool()
        self._step("pool", said)
        self._working("services", "starting web and worker …")
        return pool

    def _welcome(self, pool: Pool) -> None:
        """Make the administrator only now: a password that is made is also shown."""
        try:
            key_file = steps.access_key(pool)
            admin, password = steps.admin_user()
        finally:
            connection.close()  # this thread's own
        facts = banner.Facts(
            url=run.url(),
            admin=admin,
            password=password,
            key_file=_from_here(key_file),
            demo=settings.DEMO,
            manage=f"{_from_here(Path(sys.executable))} {_from_here(settings.BASE_DIR / 'manage.py')}",
        )
        self._step("services", f"web, {'simulator, ' if settings.DEMO else ''}worker")
        self.stdout.write(banner.text(facts))
        self.stdout.flush()

    def _stop_store(self) -> None:
        if settings.EMBEDDED_VALKEY:
            with suppress(NubabelError):
                valkey.stop(settings.DATA_DIR)
        self._say("stopped")

    def _working(self, name: str, said: str) -> None:
        """Show that something takes its time; the line is overwritten where there is a terminal."""
        if self.stdout.isatty():
            self.stdout.write(f"    {name:<10} {said}\r", ending="")
            self.stdout.flush()

    def _step(self, name: str, said: str) -> None:
        clear = "\x1b[2K" if self.stdout.isatty() else ""
        self.stdout.write(f"{clear}  ✓ {name:<10} {said}")
        self.stdout.flush()

    def _say(self, said: str) -> None:
        self.stdout.write(f"  · {said}")
        self.stdout.flush()


def _from_here(path: Path) -> str:
    """A path as one would type it in the folder one stands in."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
