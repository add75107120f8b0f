"""The rollups made anew from the ledger, for whoever has reason to doubt them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from quota.adding_up import add_to_rollups, add_to_sessions
from quota.facts import RollupKey, SessionKey, rollup_deltas, session_deltas
from quota.ledger import attempt_facts
from quota.models import Attempt, SessionRollup, UsageRollup

_CHUNK: Final = 2_000


def rebuild_rollups(*, first: date, last: date) -> int:
    """Make the rollups of these UTC days (both included) the sum of their attempts; how many attempts that were.

    Safe beside running workers, which wait meanwhile. Raises Django's database errors; then nothing has changed.
    """
    begin, end = _midnight(first), _midnight(last + timedelta(days=1))
    with transaction.atomic():
        _keep_writers_out()
        UsageRollup.objects.filter(starts_at__gte=begin, starts_at__lt=end).delete()
        SessionRollup.objects.filter(starts_at__gte=begin, starts_at__lt=end).delete()
        # A call granted before midnight may count against the day after it: then its hour is here, or its day.
        touched = Attempt.objects.filter(
            Q(usage_day__range=(first, last)) | Q(granted_at__gte=begin, granted_at__lt=end)
        )
        rows = touched.order_by("pk").iterator(chunk_size=_CHUNK)
        return sum(_add_up(chunk, begin, end) for chunk in _chunks(rows))


def _add_up(attempts: list[Attempt], begin: datetime, end: datetime) -> int:
    facts = [(None, attempt_facts(attempt)) for attempt in attempts]
    add_to_rollups({key: sums for key, sums in rollup_deltas(facts).items() if _within(key, begin, end)})
    add_to_sessions({key: sums for key, sums in session_deltas(facts).items() if _within(key, begin, end)})
    return len(attempts)


def _within(key: RollupKey | SessionKey, begin: datetime, end: datetime) -> bool:
    return begin <= key.starts_at < end


def _keep_writers_out() -> None:
    """Wait for those who are writing rollups and let no new ones in until the end of the transaction.

    SQLite does that for every transaction that writes. PostgreSQL must be told: a worker's new row could otherwise
    be invisible to the deletion and its attempt visible to the sum, and would count twice.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            names = (connection.ops.quote_name(table._meta.db_table) for table in (UsageRollup, SessionRollup))  # noqa: SLF001 - documented API
            cursor.execute(f"LOCK TABLE {', '.join(names)} IN SHARE ROW EXCLUSIVE MODE")


def _chunks(rows: Iterator[Attempt]) -> Iterator[list[Attempt]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
