"""`manage.py web`: serve over HTTP, and stop without hurting anybody."""

import asyncio
import logging
import os
import socket
from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nubabel.web import crew, server
from nubabel.web.server import Patience

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Serve over HTTP until SIGTERM or Ctrl-C; a further one ends the stage of stopping that is on."
    requires_system_checks = ()  # `migrate`, the release step, runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help="where to listen (default: HOST)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="where to listen (default: PORT)")
        workers = int(os.environ.get("WEB_CONCURRENCY") or 1)  # what platforms set, as uvicorn and gunicorn read it
        parser.add_argument("--workers", type=int, default=workers, help="processes (default: WEB_CONCURRENCY, or 1)")
        unready = settings.UNREADY_SECONDS
        parser.add_argument("--unready", type=float, default=unready, help="seconds (default: UNREADY_SECONDS)")
        parser.add_argument("--listener", type=int, default=None, help=SUPPRESS)

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        patience = Patience(unready=options["unready"], drain=settings.DRAIN_SECONDS)
        if options["workers"] > 1:
            self._crew(options, patience)
            return
        given = options["listener"]
        listener = None if given is None else socket.socket(fileno=given)
        server.serve(host=options["host"], port=options["port"], patience=patience, listener=listener)

    def _crew(self, options: dict[str, Any], patience: Patience) -> None:
        try:
            listener = crew.listening(options["host"], options["port"])
        except OSError as error:
            raise CommandError(f"Cannot listen on {options['host']}:{options['port']}: {error.strerror}") from None
        argv = crew.this_command("--unready", str(options["unready"]))
        asyncio.run(crew.run(argv, listener, size=options["workers"], patience=patience, say=logger.warning))
