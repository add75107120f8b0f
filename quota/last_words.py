"""The last thing that went wrong with each account, by the ledger."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts.models import ClaudeAccount
from quota.models import Attempt
from quota.models.attempts import FAILED


@dataclass(frozen=True, slots=True)
class LastError:
    """A call that failed: `what` is its outcome with the HTTP status, `at` the instant it was granted."""

    what: str
    why: str
    at: datetime
    attempt: uuid.UUID


def last_errors(accounts: Collection[uuid.UUID]) -> Mapping[uuid.UUID, LastError]:
    """Of those accounts that ever failed. Two queries, whatever the ledger's size."""
    latest = Attempt.objects.filter(FAILED, account=OuterRef("pk")).order_by("-granted_at").values("pk")[:1]
    wanted = ClaudeAccount.objects.filter(pk__in=accounts).annotate(failed=Subquery(latest)).order_by()
    calls = Attempt.objects.in_bulk([pk for pk in wanted.values_list("failed", flat=True) if pk])
    return {call.account_id: _said(call) for call in calls.values()}


def _said(call: Attempt) -> LastError:
    http = f" (HTTP {call.status})" if call.status else ""
    return LastError(f"{call.outcome or call.verdict}{http}", call.why, call.granted_at, call.pk)
