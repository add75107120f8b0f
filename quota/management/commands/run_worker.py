"""`manage.py run_worker [--once] [--json]`: from the engine's streams into the ledger."""

import asyncio
import json
import logging
import os
import signal
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from gateway.batches.charging import EVERY_SECONDS
from gateway.wiring import charge_batches
from quota import checks
from quota.errors import SchemaBehind, SetupFailed
from quota.ledger import Written
from quota.running import running_worker
from quota.worker import TROUBLE, Work

ERRANDS: Final[tuple[Work, ...]] = ((charge_batches, EVERY_SECONDS),)
"""What the data plane has done by the worker."""


class Command(BaseCommand):
    help = "Write what the pools did into the ledger, settle the leases of the dead, keep Redis in step with edits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="write what is there now, then leave")
        parser.add_argument("--json", action="store_true", help="say as JSON what was written")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - argparse
        try:
            checks.database()
        except SetupFailed as failed:
            if options["once"] or isinstance(failed, SchemaBehind):
                raise CommandError(f"{failed}: {failed.mend}") from None
        written, in_time = asyncio.run(self._once() if options["once"] else self._until_stopped())
        self.stdout.write(_report(written, as_json=options["json"]))
        if not in_time:
            # The database hangs and its thread with it; what is unwritten is unacknowledged and comes again.
            self.stdout.flush()
            logging.shutdown()
            os._exit(0)

    async def _once(self) -> tuple[Written, bool]:
        async with running_worker(more=ERRANDS) as worker:
            try:
                return await worker.once(), True
            except TROUBLE as error:
                raise CommandError(f"{type(error).__name__}: {error}. Nothing is lost; run it again.") from error

    async def _until_stopped(self) -> tuple[Written, bool]:
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with running_worker(more=ERRANDS) as worker:
            in_time = await worker.run(stop)
            return worker.total, in_time


def _report(written: Written, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(asdict(written))
    return f"{written.entries} entries read, {written.changed} calls recorded, {written.set_aside} set aside"
