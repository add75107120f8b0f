"""The outbox in the database: letters are put in once, taken by one worker at a time, and end in one way.

A letter exists once per event and destination, whoever writes it and how often. A destination is held by one worker at
a time, so its order and its pace are kept over all of them; a holder that dies is followed by another. One that dies
between the destination's "ok" and our noting it has the letter sent again: better twice than never.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Max, Min, Q, QuerySet

from notifications.letters import Draft
from notifications.models import NAME, WHY, Letter, SinkState
from notifications.planning import Thread, Waiting

HELD_FOR: Final = timedelta(seconds=30)
"""Longer than any delivery takes."""
CAPACITY: Final = 256
"""Letters of one destination that wait though they need not arrive; more are only counted."""
LOOKED_AT: Final = 200
GIVEN_UP_AFTER: Final = timedelta(days=2)
FORGOTTEN_AFTER: Final = timedelta(days=30)
BUSY_FORGOTTEN_AFTER: Final = timedelta(days=2)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FREE: Final = {"holder": "", "held_until": None}


@dataclass(frozen=True, slots=True)
class Batch:
    """What waits for one destination, oldest first, and what was sent of the threads concerned."""

    waiting: Sequence[Waiting]
    threads: Mapping[str, Thread]
    unlisted: int


def register(fingerprints: Mapping[str, str]) -> None:
    """Know these destinations. One that was switched off is on again if its settings are others than they were."""
    for name, fingerprint in fingerprints.items():
        state, _ = SinkState.objects.get_or_create(name=name, defaults={"fingerprint": fingerprint})
        if state.fingerprint != fingerprint:
            SinkState.objects.filter(pk=name).update(fingerprint=fingerprint)
            switch_on(name)


@transaction.atomic
def put(drafts: Sequence[Draft], *, now: datetime) -> None:
    """Keep these letters, once. Repeatable."""
    for sink in dict.fromkeys(draft.sink for draft in drafts):
        _put(sink, [draft for draft in drafts if draft.sink == sink and not _heard_before(draft)], now=now)


def _put(sink: str, drafts: Sequence[Draft], *, now: datetime) -> None:
    busy = [draft for draft in drafts if not draft.lasting]
    room = CAPACITY
    if busy:
        waits = Letter.objects.filter(sink=sink, state=Letter.WAITING, lasting=False)
        room = max(0, CAPACITY - waits.count())
    surplus = {draft.event for draft in busy[room:]}
    Letter.objects.bulk_create(
        [_row(draft, now=now) for draft in drafts if draft.event not in surplus], ignore_conflicts=True
    )
    if surplus:
        SinkState.objects.filter(pk=sink).update(unlisted=F("unlisted") + len(surplus))


def _heard_before(draft: Draft) -> bool:
    """Whether it is one more sign of a trouble that people know of; then that lasts longer."""
    if not draft.quiet_ms:
        return False
    at = _instant(draft.at_ms)
    span = (at - timedelta(milliseconds=draft.quiet_ms), at + timedelta(milliseconds=draft.quiet_ms))
    known = Letter.objects.filter(sink=draft.sink, thread=draft.thread, heard_at__range=span)
    return bool(known.exclude(event=draft.event).update(heard_at=at))


def _row(draft: Draft, *, now: datetime) -> Letter:
    at = _instant(draft.at_ms)
    return Letter(
        sink=draft.sink,
        event=draft.event,
        thread=draft.thread,
        place=draft.place,
        lasting=draft.lasting,
        progress=draft.progress,
        content=draft.content,
        at=at,
        made_at=now,
        heard_at=at if draft.quiet_ms else None,
    )


def take(sink: str, *, holder: str, now: datetime, held_for: timedelta = HELD_FOR) -> Batch | None:
    """What waits there, held by `holder` from now on. None: nothing does, it is too early, or somebody else has it."""
    waiting = Letter.objects.filter(sink=sink, state=Letter.WAITING)
    if not waiting.exists() or not _hold(sink, holder=holder, now=now, until=now + held_for):
        return None
    rows = _with_their_threads(waiting, list(waiting.order_by("id")[:LOOKED_AT]))
    letters = [_waiting(row) for row in rows]
    unlisted = SinkState.objects.values_list("unlisted", flat=True).get(pk=sink)
    return Batch(letters, _threads(sink, {letter.thread for letter in letters}), unlisted)


def _with_their_threads(waiting: QuerySet[Letter], rows: list[Letter]) -> list[Letter]:
    """What comes before a letter may have been written after it: of a thread that is looked at, all is."""
    if len(rows) < LOOKED_AT:
        return rows
    threads = {row.thread for row in rows if row.thread}
    beyond = waiting.filter(thread__in=threads, pk__gt=rows[-1].pk).order_by("id")
    return [*rows, *beyond[: 4 * LOOKED_AT]]


def _hold(sink: str, *, holder: str, now: datetime, until: datetime) -> bool:
    due = Q(due_at=None) | Q(due_at__lte=now)
    free = Q(held_until=None) | Q(held_until__lt=now) | Q(holder=holder)
    states = SinkState.objects.filter(due, free, pk=sink, disabled_at=None)
    return bool(states.update(holder=holder, held_until=until))


def _threads(sink: str, names: Iterable[str]) -> dict[str, Thread]:
    sent = Letter.objects.filter(sink=sink, thread__in=names, state=Letter.SENT).order_by()
    root = Min("handle", filter=~Q(handle=""))
    rows = sent.values_list("thread").annotate(reached=Max("place"), latest=Max("done_at"), root=root)
    return {name: Thread(place, _ms(done_at), root or "") for name, place, done_at, root in rows}


@transaction.atomic
def sent(sink: str, ids: Sequence[int], *, handle: str, unlisted: int, now: datetime, due_at: datetime) -> None:
    """They have arrived; the next message may go at `due_at`. `handle` is how answers name a message that is alone."""
    done = {"state": Letter.SENT, "done_at": now, "why": ""}
    Letter.objects.filter(pk__in=ids).update(**done, handle=handle[:NAME] if len(ids) == 1 else "")
    SinkState.objects.filter(pk=sink).update(
        **_FREE, due_at=due_at, failures=0, why="", delivered_at=now, unlisted=F("unlisted") - unlisted
    )


def skipped(ids: Sequence[int], *, why: str, now: datetime) -> None:
    """There is no use in these any more."""
    Letter.objects.filter(pk__in=ids).update(state=Letter.SKIPPED, done_at=now, why=why[:WHY])


@transaction.atomic
def failed(sink: str, ids: Sequence[int], *, why: str, now: datetime) -> None:
    """These will never be taken there."""
    Letter.objects.filter(pk__in=ids).update(state=Letter.FAILED, done_at=now, why=why[:WHY])
    release(sink)


def postpone(sink: str, *, why: str, until: datetime) -> None:
    """Nothing before `until`; what waits goes on waiting."""
    states = SinkState.objects.filter(pk=sink)
    states.update(**_FREE, due_at=until, why=why[:WHY], failures=F("failures") + 1)


def failures(sink: str) -> int:
    """Tries in a row that nobody answered."""
    return SinkState.objects.values_list("failures", flat=True).get(pk=sink)


def switch_off(sink: str, *, why: str, now: datetime) -> bool:
    """Send nothing more there until somebody mends it. False: it was off already. What waits goes on waiting."""
    states = SinkState.objects.filter(pk=sink, disabled_at=None)
    return bool(states.update(**_FREE, disabled_at=now, why=why[:WHY]))


def switch_on(sink: str) -> bool:
    """Try again from now on. False: it was on."""
    states = SinkState.objects.filter(pk=sink).exclude(disabled_at=None)
    return bool(states.update(**_FREE, disabled_at=None, why="", due_at=None, failures=0))


def release(sink: str) -> None:
    """Let others have it."""
    SinkState.objects.filter(pk=sink).update(**_FREE)


def tidy(*, now: datetime) -> None:
    """Give up what waited for days, forget what was sent long ago."""
    old = Letter.objects.filter(state=Letter.WAITING, made_at__lt=now - GIVEN_UP_AFTER)
    old.update(state=Letter.FAILED, done_at=now, why="could not be delivered for two days")
    done = Letter.objects.exclude(state=Letter.WAITING)
    busy = Q(lasting=False, made_at__lt=now - BUSY_FORGOTTEN_AFTER)
    done.filter(busy | Q(made_at__lt=now - FORGOTTEN_AFTER)).delete()


def _waiting(row: Letter) -> Waiting:
    return Waiting(
        id=row.pk,
        event=row.event,
        thread=row.thread,
        place=row.place,
        lasting=row.lasting,
        progress=row.progress,
        made_ms=_ms(row.made_at),
        content=row.content,
    )


def _instant(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _ms(at: datetime | None) -> int:
    return round((at - _EPOCH) / timedelta(milliseconds=1)) if at else 0
