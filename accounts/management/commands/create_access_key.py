"""Make an access key for a client and print it, this once."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts.access import issue_access_key
from accounts.errors import ScopesRefused
from accounts.models import Pool
from accounts.scopes import MEANINGS
from quota.engine.types import Metric, Window


class Command(BaseCommand):
    help = "Make an access key. It is printed once and cannot be shown again. Scopes: " + "; ".join(
        f"{scope} ({meaning})" for scope, meaning in MEANINGS.items()
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="who or what will use it")
        parser.add_argument("--scope", action="append", required=True, help="what it may do; repeat for several")
        parser.add_argument(
            "--pool", help="the pool's name; without it, the pool named default, else the only pool there is"
        )
        parser.add_argument(
            "--model", action="append", default=[], help="a model it may use, or the beginning of one and a *; repeat"
        )
        parser.add_argument(
            "--ip", action="append", default=[], help="an address or network (10.0.0.0/8) it may come from; repeat"
        )
        for metric in Metric:
            for window in Window:
                parser.add_argument(f"--{metric}-per-{window}", type=_AMOUNTS[metric], help=_help(metric, window))
        parser.add_argument("--concurrency", type=int, help="requests under way at once, at most")
        parser.add_argument("--expires", help="2027-01-31, 2027-01-31T12:00+01:00, or 90d from now; default: never")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        try:
            plain, key = issue_access_key(
                name=options["name"],
                scopes=options["scope"],
                pool=_pool(options["pool"]),
                expires_at=expiry(options["expires"], now=timezone.now()),
                models=options["model"],
                networks=options["ip"],
                limits=_limits(options),
            )
        except ScopesRefused as refused:
            raise CommandError(f"--scope: {refused}") from refused
        except ValueError as refused:
            raise CommandError(str(refused)) from refused
        except ValidationError as refused:
            raise CommandError(_by_option(refused)) from refused
        facts = {
            "id": str(key.pk),
            "name": key.name,
            "key": plain,
            "scopes": key.scopes,
            "pool": key.pool.name if key.pool else None,
            "models": key.allowed_models,
            "networks": key.allowed_networks,
            "limits": {name: _plain(value) for name, value in _limits(options).items() if value is not None},
            "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        }
        self.stdout.write(json.dumps(facts) if options["json"] else _in_words(facts))


def dollars(text: str) -> Decimal:
    """An amount of money. Raises ValueError."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not amount.is_finite():
        raise ValueError(text)
    return amount


_AMOUNTS: Final[Mapping[Metric, Callable[[str], Any]]] = {
    Metric.REQUESTS: int,
    Metric.TOKENS: int,
    Metric.COST: dollars,
}


_OPTIONS: Final[Mapping[str, str]] = {
    **{f"limit_{metric}_{window}": f"--{metric}-per-{window}" for metric in Metric for window in Window},
    "name": "--name",
    "scopes": "--scope",
    "allowed_models": "--model",
    "allowed_networks": "--ip",
    "max_concurrency": "--concurrency",
    "expires_at": "--expires",
}
"""Which option a column was typed as."""


def _by_option(refused: ValidationError) -> str:
    """What is wrong with which option; what concerns none of them, as it is."""
    wrong = ((_OPTIONS.get(column, ""), " ".join(messages)) for column, messages in refused.message_dict.items())
    return "; ".join(f"{option}: {said}" if option else said for option, said in wrong)


def _help(metric: Metric, window: Window) -> str:
    what = "US dollars it may cost" if metric is Metric.COST else f"{metric} it may have"
    return f"{what} per {window} (any 60 seconds)" if window is Window.MINUTE else f"{what} per calendar {window}, UTC"


def _limits(options: dict[str, Any]) -> dict[str, int | Decimal | None]:
    """What was asked for, by column."""
    per = {f"limit_{metric}_{window}": options[f"{metric}_per_{window}"] for metric in Metric for window in Window}
    return {**per, "max_concurrency": options["concurrency"]}


def _plain(value: int | Decimal) -> int | str:
    return value if isinstance(value, int) else f"{value:f}"


def _pool(name: str | None) -> Pool | None:
    if name is None:
        return None
    try:
        return Pool.objects.get(name=name)
    except Pool.DoesNotExist:
        raise ValueError(f"--pool: there is no pool {name!r}") from None


def expiry(text: str | None, *, now: datetime) -> datetime | None:
    """A date (its end, UTC), an instant (UTC unless it says otherwise) or a number of days. Raises ValueError."""
    if text is None:
        return None
    try:
        when = _instant(text, now=now)
    except (ValueError, OverflowError):
        reason = f"--expires {text} is neither a date, an instant nor a number of days such as 90d"
        raise ValueError(reason) from None
    if when <= now:
        raise ValueError(f"--expires {text} is in the past")
    return when


def _instant(text: str, *, now: datetime) -> datetime:
    if text.endswith("d") and text[:-1].isdecimal():
        return now + timedelta(days=int(text[:-1]))
    if len(text) == len("2027-01-31") and (day := parse_date(text)):
        return datetime.combine(day, time.max, tzinfo=UTC)
    if instant := parse_datetime(text):
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    raise ValueError(text)


def _in_words(facts: dict[str, Any]) -> str:
    return (
        f"{facts['key']}\n\n"
        f"Access key {facts['name']!r} for {', '.join(facts['scopes'])}, "
        f"{'until ' + facts['expires_at'] if facts['expires_at'] else 'without expiry'}, "
        f"{'limited to ' + _limits_in_words(facts['limits']) if facts['limits'] else 'without limits'}. "
        f"Keep it now: it cannot be shown again."
    )


def _limits_in_words(limits: dict[str, int | str]) -> str:
    return ", ".join(f"{amount} {_noun(column)}" for column, amount in limits.items())


def _noun(column: str) -> str:
    if column == "max_concurrency":
        return "requests at once"
    metric, window = column.removeprefix("limit_").split("_")
    return f"{'US dollars' if metric == Metric.COST else metric} per {window}"
