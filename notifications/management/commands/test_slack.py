"""`manage.py test_slack`: send a test message to Slack (and to the webhook, if there is one) and say what happened.

Exit codes: 0 everything asked for was delivered, 1 something was not, 2 nothing is configured for it.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from django.core.management.base import BaseCommand

from notifications.sinks import WEBHOOK
from notifications.trial import TARGETS, Trial, try_out
from notifications.wiring import slack_settings, webhook_settings


class Command(BaseCommand):
    help = "Send a test message to Slack and say what happened (exit code 0, 1 on failure, 2 if not configured)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--channel", choices=TARGETS, help="only this one; default: all that there are")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: object, **options: object) -> None:
        webhook = webhook_settings()
        all_there_are = [target for target in TARGETS if target != WEBHOOK or webhook.url]
        targets = [str(options["channel"])] if options["channel"] else all_there_are
        now_ms = time.time_ns() // 1_000_000
        trying = try_out(targets, slack_settings=slack_settings(), webhook_settings=webhook, at_ms=now_ms)
        trials = asyncio.run(trying)
        self.stdout.write(_as_json(trials) if options["json"] else "\n".join(map(_as_line, trials)))
        if code := _exit_code(trials):
            sys.exit(code)


def _as_line(trial: Trial) -> str:
    if trial.delivered:
        return f"✓ {trial.target}: delivered ({trial.place})"
    return f"✗ {trial.target}: {trial.code}" + (f" – {trial.advice}" if trial.advice else "")


def _as_json(trials: Sequence[Trial]) -> str:
    return json.dumps({"delivered": all(it.delivered for it in trials), "channels": [asdict(it) for it in trials]})


def _exit_code(trials: Sequence[Trial]) -> int:
    if all(it.delivered for it in trials):
        return 0
    return 1 if any(it.configured for it in trials) else 2
