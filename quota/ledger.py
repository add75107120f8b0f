"""Facts written down: activities, attempts and rollups, in one transaction per batch of stream entries.

# Note [Writing]
#     Per table: insert what may be new (a conflict is ignored), lock all rows concerned, join the facts into them,
#     write back those that changed. Everybody touches the tables, and the rows in each, in the same order, so that
#     workers wait for each other but never in a circle. Rollups move by the difference between an attempt as it was
#     and as it is, in the same transaction; so they are its sum at every commit.
"""

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import reduce
from typing import Any, Final, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, models, transaction

from accounts.models import ClaudeAccount
from accounts.services import disable_account, reinstate_account
from quota.adding_up import add_up
from quota.entries import Acquittal, Entry, Reading, Rejection, read
from quota.errors import EntryUnreadable
from quota.facts import ENTRY, ERROR, NAME, ActivityFacts, AttemptFacts
from quota.models import Activity, Attempt, RejectedKey, SetAside
from quota.parsing import text
from quota.status import KEY_REFUSED

logger = logging.getLogger(__name__)

_COMMON_CAUSE: Final = timedelta(minutes=1)
"""The engine's span within which several refused keys have one cause."""
_SHOWN: Final = 2_000
"""Characters of each field of an entry set aside."""

Facts = TypeVar("Facts", ActivityFacts, AttemptFacts)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry (or part of one) to set aside."""

    entry: str
    why: str
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch came to."""

    entries: int = 0
    changed: int = 0
    """Attempts recorded or corrected. Zero for a batch delivered before."""
    set_aside: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.entries + other.entries, self.changed + other.changed, self.set_aside + other.set_aside)


def write_surely(pool_id: uuid.UUID, entries: Sequence[Entry], unreadable: Sequence[Unreadable] = ()) -> Written:
    """As `write`, but an entry that the database or a mistake of ours refuses is set aside, and the rest written.

    Raises Django's database errors only where they say nothing about the entries (no connection, no table).
    """
    try:
        return write(pool_id, entries, unreadable)
    except (OperationalError, InterfaceError, InternalError, ProgrammingError):
        raise
    except Exception as error:
        if not entries:
            raise
        logger.exception("a batch was refused", extra={"action": "batch_refused"})
        if len(entries) == 1:
            return write(pool_id, (), [*unreadable, _unreadable(entries[0], f"refused: {type(error).__name__}")])
    half = len(entries) // 2
    return write_surely(pool_id, entries[:half], unreadable) + write_surely(pool_id, entries[half:])


def write(pool_id: uuid.UUID, entries: Sequence[Entry], unreadable: Sequence[Unreadable] = ()) -> Written:
    """Take a batch of one pool's entries into the ledger. Repeatable; all or nothing.

    Raises Django's database errors; then nothing of the batch is written and it can be repeated.
    """
    readings, strange = _read(pool_id, entries)
    aside = [*unreadable, *strange]
    with transaction.atomic():
        _write_activities([reading.activity for reading in readings if reading.activity])
        changed = _write_attempts([reading.attempt for reading in readings if reading.attempt])
        _set_aside(pool_id, aside)
        for reading in readings:
            if reading.rejection:
                _note_rejection(pool_id, reading.rejection)
            if reading.acquittal:
                _acquit(reading.acquittal)
    return Written(entries=len(entries) + len(unreadable), changed=changed, set_aside=len(aside))


def _read(pool_id: uuid.UUID, entries: Iterable[Entry]) -> tuple[list[Reading], list[Unreadable]]:
    readings, strange = [], []
    for entry in entries:
        try:
            reading = read(pool_id, entry)
        except EntryUnreadable as error:
            strange.append(_unreadable(entry, str(error)))
            continue
        readings.append(reading)
        if reading.complaint:
            strange.append(_unreadable(entry, reading.complaint))
    return readings, strange


def _unreadable(entry: Entry, why: str) -> Unreadable:
    return Unreadable(entry.id, why, {"type": entry.type, **entry.fields})


def _write_activities(facts: Sequence[ActivityFacts]) -> None:
    wanted = _joined(facts, "id")
    rows = [Activity(**_columns(fact)) for fact in wanted.values()]
    Activity.objects.bulk_create(rows, ignore_conflicts=True)
    locked = Activity.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    _rewrite(Activity, "id", _changes(ActivityFacts, locked, wanted, key="id"))


def _write_attempts(facts: Sequence[AttemptFacts]) -> int:
    wanted = _joined(facts, "lease_id")
    rows = [Attempt(**_columns(fact)) for fact in wanted.values()]
    ours = {row.pk for row in rows}
    Attempt.objects.bulk_create(rows, ignore_conflicts=True)
    locked = list(Attempt.objects.select_for_update().filter(lease_id__in=wanted).order_by("lease_id"))
    # A row that bears the id made for it here is new: nobody else can have counted it.
    new = [(None, _facts(AttemptFacts, row)) for row in locked if row.pk in ours]
    changes = _changes(AttemptFacts, (row for row in locked if row.pk not in ours), wanted, key="lease_id")
    _rewrite(Attempt, "lease_id", changes)
    add_up([*new, *((_facts(AttemptFacts, row), fact) for row, fact in changes)])
    return len(new) + len(changes)


def attempt_facts(row: Attempt) -> AttemptFacts:
    """What a row of the ledger says."""
    return _facts(AttemptFacts, row)


def _joined(facts: Iterable[Facts], key: str) -> dict[Any, Facts]:
    """Join facts about the same thing; in the order in which everybody locks."""
    found: dict[Any, list[Facts]] = {}
    for fact in facts:
        found.setdefault(getattr(fact, key), []).append(fact)
    return {name: reduce(type(same[0]).join, same) for name, same in sorted(found.items())}


def _facts(kind: type[Facts], row: models.Model) -> Facts:
    return kind(**{column.name: getattr(row, column.name) for column in fields(kind)})


def _columns(fact: ActivityFacts | AttemptFacts) -> dict[str, Any]:
    return {column.name: getattr(fact, column.name) for column in fields(fact)}


def _changes(
    kind: type[Facts], rows: Iterable[models.Model], wanted: Mapping[Any, Facts], *, key: str
) -> list[tuple[models.Model, Facts]]:
    joined = ((row, _facts(kind, row).join(wanted[getattr(row, key)])) for row in rows)
    return [(row, fact) for row, fact in joined if fact != _facts(kind, row)]


def _rewrite(table: type[models.Model], key: str, changes: Sequence[tuple[models.Model, Facts]]) -> None:
    """Write rows that exist and are locked; an upsert, because Django's bulk_update takes ten times as long."""
    if not changes:
        return
    columns = [column.name for column in fields(changes[0][1]) if column.name != key]
    rows = [table(pk=row.pk, **{**_columns(fact), key: getattr(fact, key)}) for row, fact in changes]
    table._default_manager.bulk_create(  # noqa: SLF001 - Django's name for it
        rows, update_conflicts=True, unique_fields=[key], update_fields=columns
    )


def _set_aside(pool_id: uuid.UUID, aside: Iterable[Unreadable]) -> None:
    rows = [
        SetAside(
            pool_id=str(pool_id),
            entry=text(strange.entry, ENTRY),
            why=text(strange.why, ERROR),
            content={text(name, NAME): text(value, _SHOWN) for name, value in strange.content.items()},
        )
        for strange in aside
    ]
    SetAside.objects.bulk_create(rows, ignore_conflicts=True)


def _note_rejection(pool_id: uuid.UUID, rejection: Rejection) -> None:
    """Disable the account, unless somebody has mended or disabled it since, and remember that the engine holds it."""
    facts = {"pool_id": pool_id, "why": rejection.why, "at": rejection.at}
    RejectedKey.objects.update_or_create(account_id=rejection.account_id, defaults=facts)
    account = ClaudeAccount.objects.filter(pk=rejection.account_id, enabled=True, updated_at__lte=rejection.at).first()
    if account:
        disable_account(account, why=f"{KEY_REFUSED}: {rejection.why}" if rejection.why else KEY_REFUSED)


def _acquit(acquittal: Acquittal) -> None:
    """Undo the rejections that turned out to have a common cause; the engine has taken its hold back itself."""
    recent = (acquittal.at - _COMMON_CAUSE, acquittal.at)
    condemned = RejectedKey.objects.filter(pk__in=acquittal.account_ids, at__range=recent)
    for account_id in list(condemned.values_list("pk", flat=True)):
        reinstate_account(account_id=str(account_id), disabled_for=KEY_REFUSED)
    condemned.delete()
