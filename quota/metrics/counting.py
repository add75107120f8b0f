"""What stream entries add to the counts. Pure. One that cannot be read counts nothing; the ledger sets it aside."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from quota import records
from quota.entries import Entry
from quota.errors import RecordUnreadable
from quota.metrics.catalogue import ATTEMPTS, DURATION, FAILOVERS, FIRST_BYTE, REQUESTS, WAIT
from quota.metrics.counts import Counts, add, observe
from quota.records import ActivityEnded, AttemptRecord

COMPLETED: Final = "completed"
OTHER: Final = "other"
_WORD: Final = re.compile(r"[a-z][a-z_]{0,39}")
_ENDS: Final = frozenset({records.ACTIVITY_COMPLETED, records.ACTIVITY_FAILED})


class _Outcome(msgspec.Struct):
    """The one field of an attempt's record that is counted."""

    outcome: str = ""


def counts_of(pool: str, entries: Iterable[Entry]) -> Counts:
    """Count requests and calls that ended; pools and accounts by their ids."""
    counts: Counts = Counter()
    for entry in entries:
        try:
            _count(counts, pool, entry)
        except (RecordUnreadable, KeyError, msgspec.MsgspecError):
            continue
    return counts


def _count(counts: Counts, pool: str, entry: Entry) -> None:
    if entry.type == "lease.settled":
        add(counts, ATTEMPTS, pool, entry.fields["account"], _outcome(entry))
    elif entry.type == "lease.expired":
        add(counts, ATTEMPTS, pool, entry.fields["account"], "expired")
    elif entry.type in _ENDS:
        _count_request(counts, pool, ActivityEnded.from_json(entry.fields["payload"]))


def _outcome(entry: Entry) -> str:
    note = entry.fields.get("note", "")
    told = msgspec.json.decode(note, type=_Outcome).outcome if note else ""
    return _word(told or entry.fields.get("verdict", ""))


def _count_request(counts: Counts, pool: str, ended: ActivityEnded) -> None:
    add(counts, REQUESTS, pool, COMPLETED if ended.ok else _word(ended.error_type))
    if len(ended.attempts) > 1:
        add(counts, FAILOVERS, pool, by=len(ended.attempts) - 1)
    begun = ended.begun_ms or min((one.started_ms for one in ended.attempts), default=0)
    if begun:
        _time_request(counts, pool, ended, begun)


def _time_request(counts: Counts, pool: str, ended: ActivityEnded, begun: int) -> None:
    first: AttemptRecord | None = ended.attempts[0] if ended.attempts else None
    observe(counts, DURATION, pool, seconds=_seconds(begun, ended.at_ms))
    observe(counts, WAIT, pool, seconds=_seconds(begun, first.started_ms if first else ended.at_ms))
    if ended.attempts and (content := ended.attempts[-1].first_content_ms):
        observe(counts, FIRST_BYTE, pool, seconds=_seconds(begun, content))


def _seconds(begin_ms: int, end_ms: int) -> float:
    return max(0, end_ms - begin_ms) / 1_000


def _word(text: str) -> str:
    """A word of ours as it is; anything else could have any number of values."""
    return text if _WORD.fullmatch(text) else OTHER
