"""Reading the log of requests: filters that indexes serve, and pages that cost the same wherever they are.

# Note [Keyset]
#     A page goes on from the time and id of the last row of the one before: no count and no offset, so the millionth
#     row is as near as the first, and what is written meanwhile shifts nothing.
"""

import base64
import binascii
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import ClaudeAccount, Pool
from quota.errors import QuotaError
from quota.models import Activity, Attempt

FILTERS: Final = frozenset({"pool", "account", "status", "session", "access_key", "request_id"})
"""Columns that may be asked for, each with an index that also has the time."""


class CursorRefused(QuotaError, ValueError):
    """A text is no cursor that we gave out."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended."""

    started_at: datetime
    id: uuid.UUID

    def __str__(self) -> str:
        text = f"{self.started_at.isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Place":
        """Raises CursorRefused."""
        try:
            at, _, pk = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("|")
            place = cls(datetime.fromisoformat(at), uuid.UUID(pk))
        except (ValueError, binascii.Error):
            raise CursorRefused("That is no cursor of this list.") from None
        if place.started_at.tzinfo is None:
            raise CursorRefused("That is no cursor of this list.")
        return place


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which activities. `equal` maps columns of FILTERS to values."""

    equal: Mapping[str, Any]
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False
    after: Place | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A part of the log; `following` is where the next one goes on, None at the end."""

    rows: Sequence[Activity]
    following: Place | None


def page_of(rows: "QuerySet[Activity, Activity]", wanted: Wanted) -> ActivityPage:
    """One query. `rows` is what the reader may see."""
    found = list(with_names(_ordered(rows.filter(_asked(wanted)), wanted))[: wanted.limit + 1])
    shown = found[: wanted.limit]
    more = len(found) > wanted.limit
    return ActivityPage(shown, Place(shown[-1].started_at, shown[-1].pk) if more else None)


def attempts_of(activity: Activity) -> Any:  # noqa: ANN401 - a queryset with names
    """The calls that were charged for it, in the order in which they were made."""
    return with_names(Attempt.objects.filter(activity_id=activity.pk).order_by("number", "granted_at", "pk"))


def with_names(rows: Any) -> Any:  # noqa: ANN401 - a queryset of either table
    """Beside the ids of account and pool their names; the log outlives both, so a join would lose rows."""
    account = ClaudeAccount.objects.filter(pk=OuterRef("account_id")).values("name")[:1]
    pool = Pool.objects.filter(pk=OuterRef("pool_id")).values("name")[:1]
    return rows.annotate(account_name=Subquery(account), pool_name=Subquery(pool))


def _asked(wanted: Wanted) -> Q:
    unknown = wanted.equal.keys() - FILTERS
    if unknown:
        raise QuotaError(f"the log cannot be searched by {min(unknown)}")
    condition = Q(**wanted.equal)
    if wanted.since:
        condition &= Q(started_at__gte=wanted.since)
    if wanted.until:
        condition &= Q(started_at__lt=wanted.until)
    return condition & _beyond(wanted)


def _beyond(wanted: Wanted) -> Q:
    """See Note [Keyset]."""
    place = wanted.after
    if place is None:
        return Q()
    if wanted.oldest_first:
        tied = Q(started_at=place.started_at, pk__gt=place.id)
        return Q(started_at__gte=place.started_at) & (Q(started_at__gt=place.started_at) | tied)
    tied = Q(started_at=place.started_at, pk__lt=place.id)
    return Q(started_at__lte=place.started_at) & (Q(started_at__lt=place.started_at) | tied)


def _ordered(rows: Any, wanted: Wanted) -> Any:  # noqa: ANN401 - a queryset
    return rows.order_by(*(("started_at", "pk") if wanted.oldest_first else ("-started_at", "-pk")))
