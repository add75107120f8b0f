"""`manage.py sync_usage [--json]`: ask Anthropic's Admin API now, and show its count beside ours."""

import asyncio
import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import ClaudeAccount
from accounts.money import from_nano
from quota.models import Organization
from quota.organizations.counts import Line
from quota.organizations.reconciliation import reconcile
from quota.organizations.sync import Outcome, ensure_environment_organization, sync_these


class Command(BaseCommand):
    help = "Ask Anthropic's Admin API for keys, limits, usage and cost of each organization that has an Admin key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=2, help="so many days back are compared (default: 2)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - argparse
        now = timezone.now()
        ensure_environment_organization()
        organizations = list(Organization.objects.all())
        if not organizations:
            raise CommandError(
                "No organization has an Admin key. Set ANTHROPIC_ADMIN_API_KEY, or enter a key in the admin site "
                "under Organizations."
            )
        outcomes = asyncio.run(sync_these(organizations, now=now))
        first = now.date() - timedelta(days=max(1, options["days"]) - 1)
        lines = [line for one in organizations for line in reconcile(one, first=first, last=now.date(), now=now)]
        self.stdout.write(_as_json(outcomes, lines) if options["json"] else _in_words(outcomes, lines))
        if not all(outcome.ok for outcome in outcomes):
            raise CommandError("not every organization could be asked; see above")


def _as_json(outcomes: list[Outcome], lines: list[Line]) -> str:
    told = [
        {"account": line.account, "day": line.day.isoformat(), "final": line.final, "tokens": line.tokens,
         "cost_nano": line.cost_nano, "drift_ppm": line.drift_ppm}
        for line in lines
    ]  # fmt: skip
    return json.dumps({"organizations": [asdict(outcome) for outcome in outcomes], "differences": told})


def _in_words(outcomes: list[Outcome], lines: list[Line]) -> str:
    names = {str(pk): name for pk, name in ClaudeAccount.objects.values_list("pk", "name")}
    differences = [_line(line, names.get(line.account, line.account)) for line in lines]
    return "\n".join([*map(_outcome, outcomes), *differences])


def _outcome(outcome: Outcome) -> str:
    if not outcome.ok:
        return f"✗ {outcome.organization}: {outcome.why}. {outcome.mend}"
    return f"✓ {outcome.organization}: {outcome.keys} keys, {outcome.matched} of them accounts of ours"


def _line(line: Line, name: str) -> str:
    cost = "" if line.cost_nano is None else f", ${from_nano(line.cost_nano):f}"
    state = "" if line.final else " (not final: Anthropic's count may lag)"
    return f"  {line.day} {name}: {line.tokens:+,} tokens{cost} that we did not count{state}"
