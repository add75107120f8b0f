"""`manage.py smoke_test --base-url URL --access-key KEY [--json]`: is that deployment whole?"""

import asyncio
import json
import os
import signal
import sys
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from nubabel.parsers import is_loopback
from nubabel.smoke.running import Result, look_at

_INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Look at a running deployment from outside: health, a message, the orchestrator, which account served, what "
        "was recorded. Sends three short messages and makes one account that is switched off and deleted again, also "
        "when interrupted. Exit code 0: all is well; 1: a step failed; 130: interrupted."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", required=True, help="https://pool.example.com")
        parser.add_argument(
            "--access-key",
            default="",
            help="with the scopes messages, admin-read and admin-write; - reads it from standard input; "
            "default: the variable SMOKE_TEST_ACCESS_KEY",
        )
        parser.add_argument("--model", default="claude-haiku-4-5", help="which one to ask (default claude-haiku-4-5)")
        parser.add_argument("--patience", type=float, default=30.0, help="seconds to wait for the worker (default 30)")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        results: list[Result] = []
        try:
            good = asyncio.run(self._look(results, **options))
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._report(results, good=False, as_json=options["json"])
            raise CommandError("Interrupted; what was made is deleted.", returncode=_INTERRUPTED) from None
        self._report(results, good=good, as_json=options["json"])
        if not good:
            raise CommandError("Something is wrong there.")

    async def _look(self, results: list[Result], **options: Any) -> bool:  # noqa: ANN401
        this = asyncio.current_task()
        if this is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)

        def tell(result: Result) -> None:
            results.append(result)
            if not options["json"]:
                self.stdout.write(result.line())
                self.stdout.flush()

        return await look_at(
            _address(options["base_url"]),
            key=_key(options["access_key"]),
            model=options["model"],
            patience=options["patience"],
            tell=tell,
        )

    def _report(self, results: list[Result], *, good: bool, as_json: bool) -> None:
        if as_json:
            steps = [
                {"step": one.step, "result": one.mark.name.lower(), "said": one.said, "seconds": round(one.seconds, 3)}
                for one in results
            ]
            self.stdout.write(json.dumps({"ok": good, "steps": steps}, ensure_ascii=False))


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CommandError("--base-url must begin with https:// and name a host.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise CommandError("--base-url must be https: the access key would be sent in the open.")
    return text.rstrip("/")


def _key(text: str) -> str:
    key = sys.stdin.readline() if text == "-" else text or os.environ.get("SMOKE_TEST_ACCESS_KEY", "")
    if not key.strip():
        raise CommandError("Give an access key: --access-key, or the variable SMOKE_TEST_ACCESS_KEY.")
    return key.strip()
